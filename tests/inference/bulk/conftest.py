"""A folder of images with a broken one, and the command that answers it into a file."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.__main__ import main
from tests.builders import coloured

Rows = list[dict[str, str]]
Predict = Callable[..., int]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of ten images in two subfolders, one of them cut short."""
    folder = tmp_path / "photos"
    for place, label in (("기타", "red"), ("live", "blue")):
        (folder / place).mkdir(parents=True)
        for number in range(5):
            (folder / place / f"{number}.png").write_bytes(coloured(label, (20 + number, 20)))
    (folder / "live" / "3.png").write_bytes(coloured("blue")[:-30])
    return folder


@pytest.fixture
def predict(package_folder: Path) -> Predict:
    """Return the command with the colour model on the CPU."""

    def run(*arguments: object) -> int:
        return main([str(package_folder), *map(str, arguments), "--provider", "cpu"])

    return run


def read_csv(file: Path) -> Rows:
    """Return the rows of a CSV file by column, as a program reads them."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))
