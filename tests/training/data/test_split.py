"""Which image trains, which chooses, which is the final test."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.training.data.reading import read, split
from tests.training.folders import write_class, write_classes
from training.data.folder import Split
from training.data.split import SPLIT_FILE, Dataset, read_frozen, write_frozen
from training.errors import DataError

pytestmark = pytest.mark.training


def split_folder(root: Path, work: Path, *, seed: int = 0) -> Dataset:
    """Read and split a folder."""
    return split(read(root, work), seed=seed)


def sides(dataset: Dataset) -> dict[str, Split]:
    """Return the split of each image, by its content."""
    return {image.sha256: name for name, images in dataset.splits.items() for image in images}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two classes with twenty images each."""
    return write_classes(tmp_path / "photos", ["cat", "dog"], count=20)


def test_each_class_is_dealt_70_15_15(photos: Path, tmp_path: Path) -> None:
    dataset = split_folder(photos, tmp_path)
    assert dataset.counts() == {
        "train": {"cat": 14, "dog": 14},
        "val": {"cat": 3, "dog": 3},
        "test": {"cat": 3, "dog": 3},
    }


def test_targets_and_rows_belong_to_the_images(photos: Path, tmp_path: Path) -> None:
    dataset = split_folder(photos, tmp_path)
    for name, images in dataset.splits.items():
        assert [dataset.labels[t] for t in dataset.targets(name)] == [i.file.label for i in images]
        assert dataset.rows(name).tolist() == [image.row for image in images]


def test_the_seed_decides(photos: Path, tmp_path: Path) -> None:
    first, again = split_folder(photos, tmp_path, seed=3), split_folder(photos, tmp_path, seed=3)
    assert sides(first) == sides(again)
    assert first.fingerprint() == again.fingerprint()
    other = split_folder(photos, tmp_path, seed=4)
    assert sides(other) != sides(first)
    assert other.fingerprint() != first.fingerprint()


def test_names_do_not_matter(photos: Path, tmp_path: Path) -> None:
    """A renamed image stays on its side: the content is drawn, not the name."""
    before = sides(split_folder(photos, tmp_path))
    for path in sorted((photos / "cat").iterdir()):
        path.rename(path.with_name(f"z{path.name}"))
    assert sides(split_folder(photos, tmp_path)) == before


def test_exact_copies_fall_on_the_same_side(photos: Path, tmp_path: Path) -> None:
    for path in sorted((photos / "cat").iterdir()):
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    dataset = split_folder(photos, tmp_path)
    found: dict[str, set[Split]] = {}
    for name, images in dataset.splits.items():
        for image in images:
            found.setdefault(image.sha256, set()).add(name)
    assert all(len(on) == 1 for on in found.values())
    assert sum(map(len, dataset.splits.values())) == 60


def test_given_splits_stay_as_they_are(tmp_path: Path) -> None:
    for seed, name in enumerate(("train", "val", "test")):
        write_classes(tmp_path / "photos" / name, ["cat", "dog"], count=2 + seed, seed=seed)
    dataset = split_folder(tmp_path / "photos", tmp_path)
    assert {name: len(images) for name, images in dataset.splits.items()} == {
        "train": 4,
        "val": 6,
        "test": 8,
    }
    for name, images in dataset.splits.items():
        assert all(image.file.path.parent.parent.name == name for image in images)


def test_validation_images_come_from_training_where_only_a_test_is_given(tmp_path: Path) -> None:
    for seed, name in enumerate(("train", "test")):
        write_classes(tmp_path / "photos" / name, ["cat", "dog"], count=20, seed=seed)
    dataset = split_folder(tmp_path / "photos", tmp_path)
    counts = {name: len(images) for name, images in dataset.splits.items()}
    assert counts == {"train": 34, "val": 6, "test": 40}
    assert all("test" in image.file.path.parts for image in dataset.splits["test"])


def test_without_a_given_test_there_is_none(tmp_path: Path) -> None:
    for seed, name in enumerate(("train", "val")):
        write_classes(tmp_path / "photos" / name, ["cat", "dog"], count=2, seed=seed)
    dataset = split_folder(tmp_path / "photos", tmp_path)
    assert dataset.splits["test"] == ()
    assert dataset.counts().keys() == {"train", "val"}


def test_a_class_of_one_different_image_is_refused(tmp_path: Path) -> None:
    """Copies of one image count once."""
    write_classes(tmp_path / "photos", ["cat", "dog"], count=2)
    first, second = sorted((tmp_path / "photos" / "dog").iterdir())
    shutil.copy(first, second)
    with pytest.raises(DataError, match=r"the 2 images of class 'dog' belong together"):
        split_folder(tmp_path / "photos", tmp_path)


def test_few_images_are_judged_in_folds(tmp_path: Path) -> None:
    """Below twenty images in a class nothing is held out: each fold is judged by the others."""
    photos = write_classes(tmp_path / "photos", ["cat", "dog"], count=11)
    dataset = split_folder(photos, tmp_path)
    assert dataset.folds is not None
    assert dataset.splits["val"] == dataset.splits["train"]
    assert dataset.counts() == {"train": {"cat": 11, "dog": 11}}
    for label in (0, 1):
        sizes = np.bincount(dataset.folds[dataset.targets("train") == label], minlength=5)
        assert sizes.min() >= 2
        assert sizes.max() <= 3


def test_two_images_a_class_make_two_folds(tmp_path: Path) -> None:
    dataset = split_folder(write_classes(tmp_path / "photos", ["cat", "dog"], count=2), tmp_path)
    assert dataset.folds is not None
    assert sorted(dataset.folds.tolist()) == [0, 0, 1, 1]


def test_a_held_out_fold_shares_no_image_with_the_others(tmp_path: Path) -> None:
    dataset = split_folder(write_classes(tmp_path / "photos", ["cat", "dog"], count=8), tmp_path)
    held = dataset.hold_out(2)
    assert held.folds is None
    train, val = set(held.splits["train"]), set(held.splits["val"])
    assert train | val == set(dataset.splits["train"])
    assert not train & val
    assert val


def test_some_folds_judge_and_all_images_train(tmp_path: Path) -> None:
    dataset = split(read(write_classes(tmp_path / "photos", count=6), tmp_path))
    assert dataset.folds is not None
    judged = dataset.validated_on(2)
    first, second = (dataset.hold_out(fold).splits["val"] for fold in (0, 1))
    assert judged.splits["val"] == (*first, *second)
    assert judged.splits["train"] == dataset.splits["train"]
    assert judged.val_folds is not None
    assert judged.val_folds.tolist() == [0] * len(first) + [1] * len(second)
    assert judged.hold_out(1) == dataset.hold_out(1)


@pytest.mark.parametrize("count", [8, 24], ids=["folds", "held-out"])
def test_a_group_is_never_parted(tmp_path: Path, count: int) -> None:
    scan = read(write_classes(tmp_path / "photos", ["cat", "dog"], count=count), tmp_path)
    joined = [[row, row + 1, row + 2] for row in range(0, len(scan.images) - 2, 4)]
    for seed in range(5):
        dataset = split(scan, joined=joined, seed=seed)
        part = dataset.frozen()
        for rows in joined:
            assert len({part[scan.images[row].sha256] for row in rows}) == 1


@pytest.mark.parametrize("count", [8, 24], ids=["folds", "held-out"])
def test_added_images_move_none_that_were_dealt_before(tmp_path: Path, count: int) -> None:
    photos = write_classes(tmp_path / "photos", ["cat", "dog"], count=count)
    before = split_folder(photos, tmp_path).frozen()
    for index in range(2):
        write_class(photos / "cat" / "new", index, count=9, seed=50 + index)
    after = split(read(photos, tmp_path), frozen=before).frozen()
    assert len(after) > len(before)
    assert {sha256: after[sha256] for sha256 in before} == before


def test_a_copy_of_an_image_dealt_before_joins_it(photos: Path, tmp_path: Path) -> None:
    before = split_folder(photos, tmp_path)
    tested = before.splits["test"][0]
    write_class(photos / "cat" / "near", 0, count=1, seed=80)
    scan = read(photos, tmp_path)
    near = next(i for i in scan.images if "near" in i.file.path.parts)
    old = next(i for i in scan.images if i.sha256 == tested.sha256)
    after = split(scan, joined=[[old.row, near.row]], frozen=before.frozen())
    assert near.sha256 in {image.sha256 for image in after.splits["test"]}


def test_a_new_class_of_few_images_goes_to_every_part_of_an_earlier_split(
    photos: Path, tmp_path: Path
) -> None:
    before = split_folder(photos, tmp_path).frozen()
    write_class(photos / "bird", 2, count=3)
    after = split(read(photos, tmp_path), frozen=before)
    assert {images["bird"] for images in after.counts().values()} == {1}
    assert {sha256: after.frozen()[sha256] for sha256 in before} == before
    (photos / "bird" / "image2.png").unlink()
    with pytest.raises(DataError, match=r"it has 2 different images .* another --name"):
        split(read(photos, tmp_path), frozen=before)


def test_a_new_class_of_images_that_shared_a_fold_is_in_two_folds(tmp_path: Path) -> None:
    """Else its fold would hold all of it, and nothing could be fitted without that fold."""
    photos = write_classes(tmp_path / "photos", ["cat", "dog"], count=15)
    before = split_folder(photos, tmp_path)
    assert before.folds is not None
    (photos / "bird").mkdir()
    first = zip(before.splits["train"], before.folds == 0, strict=True)
    for image in [image for image, is_first in first if is_first][:2]:
        image.file.path.rename(photos / "bird" / f"{image.sha256}.png")
    after = split(read(photos, tmp_path), frozen=before.frozen())
    assert after.folds is not None
    assert len(set(after.folds[after.targets("train") == after.labels.index("bird")])) == 2


def test_a_class_of_three_groups_has_one_in_every_part(photos: Path, tmp_path: Path) -> None:
    for shoot in range(3):
        write_class(photos / "bird" / f"shoot{shoot}", 2, count=7, seed=shoot)
    dataset = split(read(photos, tmp_path), group_by="shoot.")
    assert {images["bird"] for images in dataset.counts().values()} == {7}


def test_what_was_dealt_survives_its_file(photos: Path, tmp_path: Path) -> None:
    parts = split_folder(photos, tmp_path).frozen()
    write_frozen(tmp_path / SPLIT_FILE, parts, [])
    assert read_frozen(tmp_path / SPLIT_FILE, []) == parts
    assert read_frozen(tmp_path / "none.json", []) == {}
    (tmp_path / SPLIT_FILE).write_text("{")
    assert read_frozen(tmp_path / SPLIT_FILE, []) == {}


def test_a_test_split_that_is_gone_is_dealt_from_all_images(photos: Path, tmp_path: Path) -> None:
    """Before, all of these images trained or chose; kept so, none would be left for the test."""
    parts = split_folder(photos, tmp_path).frozen()
    write_frozen(tmp_path / SPLIT_FILE, parts, ["train", "test"])
    assert read_frozen(tmp_path / SPLIT_FILE, []) == {}
    assert read_frozen(tmp_path / SPLIT_FILE, ["train", "test"]) == parts
    assert read_frozen(tmp_path / SPLIT_FILE, ["train", "val", "test"]) == parts


def test_one_image_is_told_to_be_too_few(tmp_path: Path) -> None:
    write_class(tmp_path / "photos" / "cat", 0, count=5)
    write_class(tmp_path / "photos" / "dog", 1, count=1)
    with pytest.raises(DataError, match=r"class 'dog' has 1 image; it needs at least 2"):
        split_folder(tmp_path / "photos", tmp_path)


def test_the_imbalance_is_largest_to_smallest(tmp_path: Path) -> None:
    write_class(tmp_path / "photos" / "cat", 0, count=80)
    write_class(tmp_path / "photos" / "dog", 1, count=20)
    assert split_folder(tmp_path / "photos", tmp_path).imbalance() == pytest.approx(4, abs=0.1)


def test_the_fingerprint_knows_content_label_and_split_only(photos: Path, tmp_path: Path) -> None:
    before = split_folder(photos, tmp_path).fingerprint()
    moved = photos.rename(tmp_path / "moved")
    assert split_folder(moved, tmp_path).fingerprint() == before
    (moved / "dog").rename(moved / "wolf")
    assert split_folder(moved, tmp_path).fingerprint() != before
