"""What a split may not part."""

import shutil
from pathlib import Path

import pytest

from tests.training.data.reading import read
from tests.training.folders import write_classes
from training.data.split_groups import group_images
from training.errors import ConfigError

pytestmark = pytest.mark.training


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two classes with four images each."""
    return write_classes(tmp_path / "photos", ["cat", "dog"], count=4)


def test_every_image_is_a_group_of_its_own_at_first(photos: Path, tmp_path: Path) -> None:
    images = read(photos, tmp_path).images
    assert len(set(group_images(images, []).tolist())) == 8


def test_copies_of_one_file_are_one_group(photos: Path, tmp_path: Path) -> None:
    shutil.copy(photos / "cat" / "image0.png", photos / "cat" / "zz.png")
    images = read(photos, tmp_path).images
    groups = group_images(images, [])
    names = {image.file.path.name: groups[image.row] for image in images if image.row < 5}
    assert names["image0.png"] == names["zz.png"]
    assert len(set(groups.tolist())) == 8


def test_overlapping_joins_are_united(photos: Path, tmp_path: Path) -> None:
    groups = group_images(read(photos, tmp_path).images, [[0, 1], [3, 4], [1, 4]])
    assert groups[0] == groups[1] == groups[3] == groups[4]
    assert len(set(groups.tolist())) == 5


def test_a_pattern_on_the_path_joins_photos_of_one_shoot(photos: Path, tmp_path: Path) -> None:
    images = read(photos, tmp_path).images
    groups = group_images(images, [], pattern=r"image([01])\.png", root=photos)
    by_name = [
        (image.file.path.name, groups[image.row]) for image in images if image.file.label == "cat"
    ]
    assert len({group for name, group in by_name}) == 4
    zeros = {groups[i.row] for i in images if i.file.path.name == "image0.png"}
    assert len(zeros) == 1
    twos = {groups[i.row] for i in images if i.file.path.name == "image2.png"}
    assert len(twos) == 2, "where the pattern does not match, an image stands alone"


def test_a_pattern_does_not_see_where_the_folder_lies(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "shoot7", ["cat", "dog"], count=3)
    groups = group_images(read(root, tmp_path).images, [], pattern=r"shoot(\d+)", root=root)
    assert len(set(groups.tolist())) == 6


def test_a_pattern_that_is_none_is_told(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no regular expression"):
        group_images(read(photos, tmp_path).images, [], pattern="(", root=photos)
