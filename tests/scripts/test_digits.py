"""The digits as an image folder: complete or absent, the same every time."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts import digits
from scripts.digits import SIDE_PX, ensure_digits
from training.data.layout import read_folder

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure_digits(tmp_path_factory.mktemp("demo") / "digits")


def test_training_reads_ten_classes_and_a_test_split(folder: Path) -> None:
    found = read_folder(folder)
    assert found.labels == tuple("0123456789")
    assert Counter(file.split for file in found.files) == {"train": 1437, "test": 360}


def test_an_image_is_ink_on_black(folder: Path) -> None:
    first = sorted((folder / "test" / "0").iterdir())[0]
    pixels = np.asarray(Image.open(first))
    assert pixels.shape == (SIDE_PX, SIDE_PX)
    assert pixels[:4, :4].max() < 32
    assert pixels.max() > 200


def test_a_complete_folder_is_left_as_it_is(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    ensure_digits(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_interrupted_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = iter(range(100))

    def interrupted(values: np.ndarray) -> Image.Image:
        if next(images) == 99:
            raise KeyboardInterrupt
        return Image.new("L", (8, 8))

    monkeypatch.setattr(digits, "_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ensure_digits(tmp_path / "digits")
    assert list(tmp_path.iterdir()) == []
