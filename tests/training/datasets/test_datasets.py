"""`python -m training.datasets`, on tiny copies in the loaders' own formats."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets as tv
from PIL import Image

from tests.training.datasets import copies
from training.data.layout import read_folder
from training.datasets.__main__ import main
from training.datasets.known_datasets import SOURCES

pytestmark = pytest.mark.training

CIFAR10 = [f"class{number}" for number in range(10)]
CIFAR100 = [f"fine{number}" for number in range(100)]

COPIES: dict[str, Callable[[Path, pytest.MonkeyPatch], None]] = {
    "mnist": lambda root, patch: copies.write_mnist(root),
    "fashion-mnist": lambda root, patch: copies.write_mnist(root, "FashionMNIST"),
    "cifar10": lambda root, patch: copies.write_cifar(
        root, tv.CIFAR10, patch, key="label_names", names=CIFAR10
    ),
    "cifar100": lambda root, patch: copies.write_cifar(
        root, tv.CIFAR100, patch, key="fine_label_names", names=CIFAR100
    ),
    "flowers102": copies.write_flowers,
    "pets": lambda root, patch: copies.write_pets(root),
    "food101": lambda root, patch: copies.write_food(root),
    "dtd": lambda root, patch: copies.write_dtd(root),
    "caltech101": lambda root, patch: copies.write_caltech(root),
}
# How many images each copy has in all, and which splits and some of its classes.
EXPECTED = {
    "mnist": (30, {"train", "test"}, {"0 - zero", "9 - nine"}),
    "fashion-mnist": (30, {"train", "test"}, {"T-shirt or top", "Ankle boot"}),
    "cifar10": (60, {"train", "test"}, {"class0", "class9"}),
    "cifar100": (200, {"train", "test"}, {"fine0", "fine99"}),
    "flowers102": (6, {"train", "val", "test"}, {"pink primrose", "hard-leaved pocket orchid"}),
    "pets": (4, {"train", "test"}, {"Abyssinian", "American Bulldog"}),
    "food101": (4, {"train", "test"}, {"apple_pie", "ramen"}),
    "dtd": (6, {"train", "val", "test"}, {"banded", "woven"}),
    "caltech101": (4, set(), {"accordion", "yin_yang"}),
}


def write(name: str, tmp_path: Path, patch: pytest.MonkeyPatch) -> Path:
    """Write a tiny copy and let the command make a folder of it."""
    COPIES[name](tmp_path / "root", patch)
    out = tmp_path / "out"
    assert main([name, str(out), "--root", str(tmp_path / "root"), "--no-download"]) == 0
    return out


def test_every_dataset_is_tested() -> None:
    assert COPIES.keys() == EXPECTED.keys() == SOURCES.keys()


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_folder_is_one_that_training_reads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, splits, classes = EXPECTED[name]
    folder = read_folder(write(name, tmp_path, monkeypatch))
    assert len(folder.files) == count
    assert set(folder.given_splits) == splits
    assert classes <= set(folder.labels)
    for file in folder.files:
        with Image.open(file.path) as image:
            image.load()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "root"]


def test_files_are_copied_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = write("food101", tmp_path, monkeypatch)
    original = tmp_path / "root" / "food-101" / "images" / "ramen" / "1.jpg"
    assert (out / "test" / "ramen" / "00001.jpg").read_bytes() == original.read_bytes()


def test_pixels_are_kept_and_stay_with_their_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = write("cifar10", tmp_path, monkeypatch)
    loader = tv.CIFAR10(tmp_path / "root", train=False)
    with Image.open(out / "test" / "class7" / "00001.png") as image:
        assert np.array_equal(np.asarray(image), loader.data[7])


def test_a_folder_with_files_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copies.write_mnist(tmp_path / "root")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    arguments = ["mnist", str(tmp_path / "out"), "--root", str(tmp_path / "root"), "--no-download"]
    assert main(arguments) == 2
    assert "is not an empty folder" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_missing_copy_is_told_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["dtd", str(out), "--root", str(tmp_path / "no"), "--no-download"]) == 2
    assert "Describable Textures (DTD) is not in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(*arguments: object, **options: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("torchvision.datasets.caltech.download_and_extract_archive", unreachable)
    assert main(["caltech101", str(tmp_path / "out"), "--root", str(tmp_path / "root")]) == 2
    message = capsys.readouterr().err
    assert "it needs the network" in message
    assert "--root FOLDER --no-download" in message
