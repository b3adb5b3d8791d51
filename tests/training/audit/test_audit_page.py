"""The page: one file, names escaped, thumbnails that can be decoded, a bounded number of them."""

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.training.audit.photos import SPEC, audit_photos, write_photos
from tests.training.data.reading import read
from training.audit.audit_page import render_page

pytestmark = pytest.mark.training


def page_of(root: Path, work: Path, *, backbone_px: int) -> str:
    """Scan, audit, render."""
    scan = read(root, work, spec=SPEC, for_training=False)
    return render_page(audit_photos(scan, backbone_px=backbone_px), scan.evaluation)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return two classes of thirty photos, one with a name that is markup."""
    write_photos(tmp_path / "data" / "<b>bold", range(30), (128, 128, 128))
    write_photos(tmp_path / "data" / "plain", range(50, 80), (128, 128, 128))
    (tmp_path / "data" / "plain" / "<script>.jpg").write_bytes(b"")
    return tmp_path / "data"


def test_names_are_escaped_and_nothing_is_loaded_from_elsewhere(
    folder: Path, tmp_path: Path
) -> None:
    page = page_of(folder, tmp_path, backbone_px=1000)
    assert "&lt;b&gt;bold" in page
    assert "<b>bold" not in page
    assert "plain/&lt;script&gt;.jpg" in page
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_thumbnails_are_small_images_and_the_rest_is_counted(folder: Path, tmp_path: Path) -> None:
    page = page_of(folder, tmp_path, backbone_px=1000)
    sources = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(sources) == 48
    assert "And 12 more" in page
    with Image.open(io.BytesIO(base64.b64decode(sources[0]))) as image:
        assert image.size == (144, 144)


def test_a_large_group_shows_six_and_says_how_many_more(tmp_path: Path) -> None:
    write_photos(tmp_path / "data" / "a", [0] * 1, (128, 128, 128))
    write_photos(tmp_path / "data" / "b", range(1, 4), (128, 128, 128))
    original = (tmp_path / "data" / "a" / "0.png").read_bytes()
    for number in range(8):
        (tmp_path / "data" / "a" / f"copy{number}.png").write_bytes(original)
    page = page_of(tmp_path / "data", tmp_path, backbone_px=128)
    assert page.count("<img") == 6
    assert "and 3 more" in page


def test_a_sound_folder_is_said_to_be(tmp_path: Path) -> None:
    for start, label in ((0, "a"), (100, "b")):
        write_photos(tmp_path / "data" / label, range(start, start + 20), (128, 128, 128))
    assert "Nothing wrong was found" in page_of(tmp_path / "data", tmp_path, backbone_px=128)
