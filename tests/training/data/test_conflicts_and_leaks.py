"""Copies that would make the accuracy false."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.training.data.reading import read
from tests.training.folders import write_classes
from training.config import Leakage
from training.data.conflicts_and_leaks import ResolvedCopies, resolve_copies
from training.data.split_groups import group_images
from training.errors import DataError

pytestmark = pytest.mark.training


def make_finetuned(
    root: Path,
    work: Path,
    *,
    allow_conflicts: bool = False,
    leakage: Leakage = "error",
    alike: Sequence[Sequence[int]] = (),
) -> ResolvedCopies:
    """Scan a folder and settle its copies, and the rows that look alike."""
    scan = read(root, work)
    return resolve_copies(
        scan.folder,
        scan.images,
        group_images(scan.images, []),
        group_images(scan.images, alike),
        allow_conflicts=allow_conflicts,
        leakage=leakage,
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a flat folder of two classes with four images each."""
    return write_classes(tmp_path / "photos", ["cat", "dog"], count=4)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """Return a folder with splits, two classes with three images each."""
    for seed, split in enumerate(("train", "val", "test")):
        write_classes(tmp_path / "given" / split, ["cat", "dog"], count=3, seed=seed)
    return tmp_path / "given"


def names(resolved: ResolvedCopies) -> list[str]:
    """Return the dropped files' names."""
    return [image.file.path.name for image, _ in resolved.dropped]


def test_copies_of_one_class_and_split_are_no_trouble(photos: Path, tmp_path: Path) -> None:
    shutil.copy(photos / "cat" / "image0.png", photos / "cat" / "again.png")
    resolved = make_finetuned(photos, tmp_path)
    assert len(resolved.images) == 9
    assert resolved.dropped == ()


def test_one_image_under_two_labels_is_refused_with_both_paths(
    photos: Path, tmp_path: Path
) -> None:
    shutil.copy(photos / "cat" / "image1.png", photos / "dog" / "odd.png")
    with pytest.raises(
        DataError, match=r"1 image lies under two labels: 'cat/image1\.png' = 'dog/odd\.png'"
    ):
        make_finetuned(photos, tmp_path)


def test_trackers_in_many_classes_are_called_so(tmp_path: Path) -> None:
    photos = write_classes(tmp_path / "photos", ["cat", "dog", "fox", "owl"], count=4)
    for label in ("cat", "dog", "fox", "owl"):
        for number in range(2):
            Image.new("RGB", (1, 1), "white").save(photos / label / f"pixel{number}.gif")
    with pytest.raises(DataError) as stopped:
        make_finetuned(photos, tmp_path)
    assert str(stopped.value) == (
        "1 image lies under 4 labels: 'cat/pixel0.gif' = 'cat/pixel1.gif' = 'dog/pixel0.gif' = "
        "'dog/pixel1.gif' and 4 more; it shows nothing (tiny, or of one colour): trackers or placeholders "
        "of web pages, probably; delete it, or leave it out with --allow-conflicts"
    )


def test_both_are_left_out_when_conflicts_are_allowed(photos: Path, tmp_path: Path) -> None:
    shutil.copy(photos / "cat" / "image1.png", photos / "dog" / "odd.png")
    resolved = make_finetuned(photos, tmp_path, allow_conflicts=True)
    assert names(resolved) == ["image1.png", "odd.png"]
    assert len(resolved.images) == 7


def test_an_image_in_two_given_splits_is_refused_with_the_remedy(
    given: Path, tmp_path: Path
) -> None:
    shutil.copy(given / "test" / "cat" / "image0.png", given / "train" / "cat" / "leak.png")
    with pytest.raises(DataError, match=r"train/cat/leak\.png.*--leakage drop"):
        make_finetuned(given, tmp_path)


def test_a_leak_is_dropped_from_the_earlier_split(given: Path, tmp_path: Path) -> None:
    """What is tested stays tested: train gives way to val, both to test."""
    shutil.copy(given / "test" / "cat" / "image0.png", given / "train" / "cat" / "one.png")
    shutil.copy(given / "test" / "dog" / "image0.png", given / "val" / "dog" / "two.png")
    shutil.copy(given / "val" / "dog" / "image1.png", given / "train" / "dog" / "three.png")
    resolved = make_finetuned(given, tmp_path, leakage="drop")
    assert sorted(names(resolved)) == ["one.png", "three.png", "two.png"]
    assert sum(image.file.split == "test" for image in resolved.images) == 6


def test_a_long_list_is_cut(photos: Path, tmp_path: Path) -> None:
    write_classes(photos, ["cat", "dog"], count=15)
    for path in sorted((photos / "cat").iterdir()):
        shutil.copy(path, photos / "dog" / f"copy-{path.name}")
    with pytest.raises(DataError, match=r"15 images lie .* and 5 more"):
        make_finetuned(photos, tmp_path)


def test_lookalikes_stop_no_run_and_give_way_to_the_later_split(
    given: Path, photos: Path, tmp_path: Path
) -> None:
    """Row 0 is train's first cat, row 12 test's: the evidence is no proof, the accuracy is safe."""
    resolved = make_finetuned(given, tmp_path, alike=[[0, 12]])
    assert [reason for _, reason in resolved.dropped] == ["shows what a later split shows"]
    assert resolved.dropped[0][0].file.split == "train"
    assert make_finetuned(photos, tmp_path / "flat", alike=[[0, 5]]).dropped == ()
