"""What a person reads on the terminal: worst first, and short however much was found."""

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from tests.training.audit.photos import audit_folder, write_photos
from training.audit.summary import print_summary
from training.runtime.progress import Display

pytestmark = pytest.mark.training

GREY = (128, 128, 128)


def printed(folder: Path, work: Path) -> list[str]:
    """Audit a folder and return the summary's lines."""
    stream = io.StringIO()
    audit = audit_folder(folder, work)
    print_summary(audit, Display(Console(file=stream, width=80)), all_in="the JSON")
    return stream.getvalue().splitlines()


def test_a_large_group_is_cut_with_the_number_of_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_photos(folder / "cat", range(20), GREY)
    write_photos(folder / "dog", range(20, 40), GREY)
    for number in range(11):
        shutil.copy(folder / "cat" / "0.png", folder / "cat" / f"z{number:02d}.png")
    lines = printed(folder, tmp_path)
    assert any(line.startswith("warning: 11 exact duplicates; ") for line in lines)
    assert "    cat/0.png = cat/z00.png = cat/z01.png and 9 more" in lines


def test_many_groups_are_cut_and_the_place_of_all_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_photos(folder / "dog", range(20, 40), GREY)
    for path in write_photos(folder / "cat", range(20), GREY):
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    lines = printed(folder, tmp_path)
    assert len([line for line in lines if " = " in line]) == 3
    assert "    and 17 more, see the JSON" in lines


def test_a_file_is_named_under_one_finding(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for start, label in enumerate(("cat", "dog")):
        write_photos(folder / label, range(20 * start, 20 * start + 20), GREY)
        Image.new("RGB", (1, 1), "white").save(folder / label / "pixel.gif")
    lines = printed(folder, tmp_path)
    assert "    cat/pixel.gif = dog/pixel.gif" in lines
    assert sum("pixel.gif" in line for line in lines) == 1
    assert "    the same files as above" in lines
