"""Which image trains, which chooses, which is the final test."""

import shutil
from pathlib import Path

import pytest

from inference.preprocessing import PreprocessSpec
from tests.training.folders import write_class, write_classes
from training.data.layout import Split, read_folder
from training.data.scan import scan_folder
from training.data.split import Dataset, split_dataset
from training.errors import DataError

pytestmark = pytest.mark.training

SPEC = PreprocessSpec(
    resize_shorter_px=8,
    crop_hw=(8, 8),
    interpolation="bilinear",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


def split(root: Path, work: Path, *, seed: int = 0) -> Dataset:
    """Read and split a folder."""
    scan = scan_folder(read_folder(root), SPEC, pixels_file=work / "pixels.uint8")
    return split_dataset(scan, seed=seed)


def sides(dataset: Dataset) -> dict[str, Split]:
    """Return the split of each image, by its content."""
    return {image.sha256: name for name, images in dataset.splits.items() for image in images}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two classes with twenty images each."""
    return write_classes(tmp_path / "photos", ["cat", "dog"], count=20)


def test_each_class_is_dealt_70_15_15(photos: Path, tmp_path: Path) -> None:
    dataset = split(photos, tmp_path)
    assert dataset.counts() == {
        "train": {"cat": 14, "dog": 14},
        "val": {"cat": 3, "dog": 3},
        "test": {"cat": 3, "dog": 3},
    }


def test_targets_and_rows_belong_to_the_images(photos: Path, tmp_path: Path) -> None:
    dataset = split(photos, tmp_path)
    for name, images in dataset.splits.items():
        assert [dataset.labels[t] for t in dataset.targets(name)] == [i.file.label for i in images]
        assert dataset.rows(name).tolist() == [image.row for image in images]


def test_the_seed_decides(photos: Path, tmp_path: Path) -> None:
    first, again = split(photos, tmp_path, seed=3), split(photos, tmp_path, seed=3)
    assert sides(first) == sides(again)
    assert first.fingerprint() == again.fingerprint()
    other = split(photos, tmp_path, seed=4)
    assert sides(other) != sides(first)
    assert other.fingerprint() != first.fingerprint()


def test_names_do_not_matter(photos: Path, tmp_path: Path) -> None:
    """A renamed image stays on its side: the content is drawn, not the name."""
    before = sides(split(photos, tmp_path))
    for path in sorted((photos / "cat").iterdir()):
        path.rename(path.with_name(f"z{path.name}"))
    assert sides(split(photos, tmp_path)) == before


def test_an_added_image_moves_few_others(photos: Path, tmp_path: Path) -> None:
    """One more image may push one other over an edge of its class, no more."""
    before = sides(split(photos, tmp_path))
    write_class(photos / "cat" / "new", 0, count=1, seed=99)
    after = sides(split(photos, tmp_path))
    assert sum(before[sha256] != after[sha256] for sha256 in before) <= 2


def test_exact_copies_fall_on_the_same_side(photos: Path, tmp_path: Path) -> None:
    for path in sorted((photos / "cat").iterdir()):
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    dataset = split(photos, tmp_path)
    found: dict[str, set[Split]] = {}
    for name, images in dataset.splits.items():
        for image in images:
            found.setdefault(image.sha256, set()).add(name)
    assert all(len(on) == 1 for on in found.values())
    assert sum(map(len, dataset.splits.values())) == 60


def test_given_splits_stay_as_they_are(tmp_path: Path) -> None:
    for seed, name in enumerate(("train", "val", "test")):
        write_classes(tmp_path / "photos" / name, ["cat", "dog"], count=2 + seed, seed=seed)
    dataset = split(tmp_path / "photos", tmp_path)
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
    dataset = split(tmp_path / "photos", tmp_path)
    counts = {name: len(images) for name, images in dataset.splits.items()}
    assert counts == {"train": 34, "val": 6, "test": 40}
    assert all("test" in image.file.path.parts for image in dataset.splits["test"])


def test_without_a_given_test_there_is_none(tmp_path: Path) -> None:
    for seed, name in enumerate(("train", "val")):
        write_classes(tmp_path / "photos" / name, ["cat", "dog"], count=2, seed=seed)
    dataset = split(tmp_path / "photos", tmp_path)
    assert dataset.splits["test"] == ()
    assert dataset.counts().keys() == {"train", "val"}


def test_a_class_of_too_few_different_images_is_refused(tmp_path: Path) -> None:
    """Copies of one image count once."""
    write_classes(tmp_path / "photos", ["cat", "dog"], count=3)
    first, second, _ = sorted((tmp_path / "photos" / "dog").iterdir())
    shutil.copy(first, second)
    with pytest.raises(DataError, match=r"class 'dog' has 2 different .* at least 3"):
        split(tmp_path / "photos", tmp_path)


def test_three_images_a_class_are_enough(tmp_path: Path) -> None:
    dataset = split(write_classes(tmp_path / "photos", ["cat", "dog"], count=3), tmp_path)
    assert [len(images) for images in dataset.splits.values()] == [2, 2, 2]


def test_the_fingerprint_knows_content_label_and_split_only(photos: Path, tmp_path: Path) -> None:
    before = split(photos, tmp_path).fingerprint()
    moved = photos.rename(tmp_path / "moved")
    assert split(moved, tmp_path).fingerprint() == before
    (moved / "dog").rename(moved / "wolf")
    assert split(moved, tmp_path).fingerprint() != before
