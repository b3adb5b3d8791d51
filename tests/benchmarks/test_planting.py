"""Planted faults are what they say, in place, and the same every time."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.planting import (
    COPY_KINDS,
    CORRUPT_KINDS,
    KINDS,
    LEAK_KINDS,
    Truth,
    plant_faults,
    plant_leaks,
)
from inference.decoding import decode_image
from inference.errors import ImageError
from tests.training.audit.photos import write_photos

pytestmark = pytest.mark.training

GREY = (128, 128, 128)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 40 photos of two classes in two splits."""
    root = tmp_path_factory.mktemp("planting") / "data"
    for number, split in enumerate(("train", "test")):
        for shift, label in enumerate(("cat", "dog")):
            start = 100 * number + 10 * shift
            write_photos(root / split / label, range(start, start + 10), GREY)
    return root


@pytest.fixture(scope="module")
def planted(data: Path) -> tuple[Path, Truth]:
    """Return a planted copy and what was planted."""
    folder = data.parent / "planted"
    return folder, plant_faults(data, folder, seed=0)


def files_of(root: Path) -> dict[str, bytes]:
    """Return every file's bytes by its path below `root`."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def pixels(file: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """Return an image's grey values, (H, W)."""
    with Image.open(file) as image:
        return np.asarray(image.convert("L"), dtype=np.float64)


def test_each_kind_is_planted_as_often_as_the_share_says(planted: tuple[Path, Truth]) -> None:
    assert Counter(fault.kind for fault in planted[1].faults) == dict.fromkeys(KINDS, 2)


def test_no_image_has_two_faults_and_the_rest_is_as_it_was(
    data: Path, planted: tuple[Path, Truth]
) -> None:
    folder, truth = planted
    sources = [fault.source for fault in truth.faults]
    assert len(set(sources)) == len(sources)
    before, after = files_of(data), files_of(folder)
    changed = {fault.path for fault in truth.faults}
    gone = {fault.source for fault in truth.of("swapped_label")}
    assert after.keys() == (before.keys() - gone) | changed
    assert all(after[path] == before[path] for path in after.keys() - changed)


def test_the_same_seed_plants_the_same_and_another_another(
    data: Path, planted: tuple[Path, Truth], tmp_path: Path
) -> None:
    folder, truth = planted
    assert plant_faults(data, tmp_path / "again", seed=0) == truth
    assert files_of(tmp_path / "again") == files_of(folder)
    assert plant_faults(data, tmp_path / "other", seed=1).faults != truth.faults


def test_corrupt_files_are_refused_and_copies_are_not(planted: tuple[Path, Truth]) -> None:
    folder, truth = planted
    for fault in truth.of(*CORRUPT_KINDS):
        with pytest.raises(ImageError):
            decode_image((folder / fault.path).read_bytes())
    for fault in truth.of(*COPY_KINDS):
        decode_image((folder / fault.path).read_bytes())


def test_copies_are_what_their_kind_says(planted: tuple[Path, Truth]) -> None:
    folder, truth = planted
    for fault in truth.of("exact_copy", "other_split"):
        assert (folder / fault.path).read_bytes() == (folder / fault.source).read_bytes()
    for fault in truth.of("other_split"):
        assert fault.path.split("/")[0] != fault.source.split("/")[0]
        assert fault.path.split("/")[1] == fault.source.split("/")[1]
    for fault in truth.of("mirrored"):
        assert abs(pixels(folder / fault.path)[:, ::-1] - pixels(folder / fault.source)).mean() < 8
    for fault in truth.of("crop_80"):
        assert pixels(folder / fault.path).shape == (128, 128)
    for fault in truth.of("brightness"):
        ratio = pixels(folder / fault.path).mean() / pixels(folder / fault.source).mean()
        assert 0.15 < abs(ratio - 1) < 0.45


def test_a_swapped_label_is_another_class_of_the_same_split(planted: tuple[Path, Truth]) -> None:
    for fault in planted[1].of("swapped_label"):
        (split, label, name), was = fault.path.split("/"), fault.source.split("/")
        assert (split, name) == (was[0], was[2])
        assert label != was[1]


def test_more_faults_than_images_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than all images"):
        plant_faults(data, tmp_path / "planted", seed=0, share=0.2)


def test_leaks_lie_in_train_under_the_label_of_their_test_image(data: Path, tmp_path: Path) -> None:
    truth = plant_leaks(data, tmp_path / "leaky", seed=0, share=0.5)
    assert [fault.kind for fault in truth.faults] == [LEAK_KINDS[n % 4] for n in range(10)]
    for fault in truth.faults:
        split, label, _ = fault.path.split("/")
        assert (split, fault.source.split("/")[:2]) == ("train", ["test", label])
        assert (tmp_path / "leaky" / fault.path).is_file()
    before, after = files_of(data), files_of(tmp_path / "leaky")
    assert after.keys() == before.keys() | {fault.path for fault in truth.faults}
    assert plant_leaks(data, tmp_path / "again", seed=0, share=0.5) == truth


def test_without_two_splits_nothing_can_leak(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no train and test split"):
        plant_leaks(data / "train", tmp_path / "leaky", seed=0, share=0.5)
