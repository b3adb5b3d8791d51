"""Poor images are told from sound ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.training.audit.photos import SIDE_PX, SPEC, photo, write_photos
from tests.training.data.reading import read
from training.audit.poor_images import PoorImages, find_poor_images

pytestmark = pytest.mark.training


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of sound photos; those of class "b" are named after a row of 10."""
    write_photos(tmp_path / "data" / "a", range(10), (128, 128, 128))
    write_photos(tmp_path / "data" / "b", range(10, 20), (128, 128, 128))
    return tmp_path / "data"


def poor(folder: Path, backbone_px: int = SIDE_PX) -> PoorImages:
    """Scan and judge."""
    scan = read(folder, folder.parent, spec=SPEC, for_training=False)
    return find_poor_images(scan.images, backbone_px=backbone_px)


def test_sound_photos_are_not_poor(folder: Path) -> None:
    assert poor(folder) == PoorImages(too_small=(), dark=(), blank=(), blurry=())


def test_each_kind_is_named_once(folder: Path) -> None:
    Image.new("RGB", (160, 160), (3, 3, 3)).save(folder / "b" / "z1-dark.png")
    Image.new("RGB", (160, 160), (200, 210, 220)).save(folder / "b" / "z2-blank.png")
    photo(50).filter(ImageFilter.GaussianBlur(8)).save(folder / "b" / "z3-blurry.png")
    photo(51).resize((60, 60)).save(folder / "b" / "z4-small.png")
    assert poor(folder) == PoorImages(too_small=(23,), dark=(20,), blank=(21,), blurry=(22,))


def test_a_folder_of_smooth_things_is_not_blurry(tmp_path: Path) -> None:
    for label in ("a", "b"):
        for path in write_photos(tmp_path / "data" / label, range(8), (128, 128, 128)):
            with Image.open(path) as image:
                smooth = image.filter(ImageFilter.GaussianBlur(8))
            smooth.putpixel((0, 0), (0, int(np.random.default_rng(len(label)).integers(9)), 0))
            smooth.save(path)
    assert poor(tmp_path / "data").blurry == ()


def test_half_the_input_is_large_enough(folder: Path) -> None:
    assert poor(folder, backbone_px=320).too_small == ()
    assert len(poor(folder, backbone_px=321).too_small) == 20
