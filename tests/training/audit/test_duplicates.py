"""Files of one photo are grouped; photos of their own are left alone."""

import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

from tests.training.audit.photos import audit_folder, photo, write_photos
from tests.training.data.reading import read
from tests.training.folders import write_classes
from training.audit.duplicates import find_duplicates, group_numbers
from training.audit.result import Audit

pytestmark = pytest.mark.training

GREY = (128, 128, 128)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return two classes of eight different photos."""
    write_photos(tmp_path / "data" / "cat", range(8), GREY)
    write_photos(tmp_path / "data" / "dog", range(20, 28), GREY)
    return tmp_path / "data"


def named(audit: Audit, groups: tuple[tuple[int, ...], ...]) -> list[list[str]]:
    """Return groups as paths."""
    return [[audit.path(row) for row in group] for group in groups]


def test_different_photos_are_in_no_group(folder: Path, tmp_path: Path) -> None:
    assert audit_folder(folder, tmp_path).duplicate_groups == ()


def test_equal_files_are_exact_and_not_near(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "cat" / "1.png", folder / "cat" / "again.png")
    audit = audit_folder(folder, tmp_path)
    assert named(audit, audit.duplicates.exact) == [["cat/1.png", "cat/again.png"]]
    assert audit.duplicates.near == ()
    assert audit.duplicate_groups == audit.duplicates.exact


def test_a_crop_and_a_relit_copy_join_their_original(folder: Path, tmp_path: Path) -> None:
    photo(1).crop((10, 20, 138, 148)).save(folder / "cat" / "1-crop.png")
    ImageEnhance.Brightness(photo(1)).enhance(1.3).save(folder / "cat" / "1-relit.jpg")
    audit = audit_folder(folder, tmp_path)
    joined = ["cat/1-crop.png", "cat/1-relit.jpg", "cat/1.png"]
    assert named(audit, audit.duplicates.near) == [joined]


def test_equal_files_of_an_altered_photo_are_in_its_group(folder: Path, tmp_path: Path) -> None:
    ImageOps.mirror(photo(1)).save(folder / "cat" / "mirrored.png")
    shutil.copy(folder / "cat" / "1.png", folder / "cat" / "again.png")
    audit = audit_folder(folder, tmp_path)
    group = ["cat/1.png", "cat/again.png", "cat/mirrored.png"]
    assert named(audit, audit.duplicates.near) == [group]
    assert named(audit, audit.duplicates.exact) == [group[:2]]
    assert named(audit, audit.duplicate_groups) == [group]


def test_without_embeddings_hashes_find_what_was_saved_again(folder: Path, tmp_path: Path) -> None:
    photo(3).save(folder / "dog" / "saved.jpg", quality=40)
    audit = audit_folder(folder, tmp_path, embedded=False)
    assert named(audit, audit.duplicates.near) == [["cat/3.png", "dog/saved.jpg"]]
    assert audit.suspects == ()


def test_images_of_no_group_have_numbers_of_their_own() -> None:
    assert group_numbers([(1, 3)], 5).tolist() == [0, 1, 2, 1, 4]


def test_small_images_are_copies_only_byte_for_byte(tmp_path: Path) -> None:
    """Two handwritten ones look alike: too little detail to tell a copy from a look-alike."""
    folder = write_classes(tmp_path / "small", ["cat", "dog"], count=3)
    first = folder / "cat" / "image0.png"
    shutil.copy(first, folder / "cat" / "same.png")
    with Image.open(first) as image:
        image.save(folder / "cat" / "again.jpg", quality=40)
    scan = read(folder, tmp_path)
    found = find_duplicates(scan.images, None, scan.evaluation)
    assert len(found.exact) == 1
    assert found.near == ()
