"""Folders that hold the same subfolders at any depth: asked about, never learned in silence."""

import re
from pathlib import Path

import pytest

from tests.training.folders import write_class, write_classes
from training.data.layout import read_folder
from training.errors import DataError
from training.label_source import LabelSource

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    "places",
    [
        ("2023/data", "2024/data"),
        ("2023/data", "2024"),
        ("2023", "2024/summer", "2024/winter"),
        ("a/x", "a/y", "b/x", "b/y"),
        ("train/2023", "train/2024"),
    ],
)
def test_groups_that_hold_the_classes_stop_with_a_pattern_that_reads_them(
    tmp_path: Path, places: tuple[str, ...]
) -> None:
    for seed, place in enumerate(places):
        write_classes(tmp_path / place, ["dress", "hat"], count=1, seed=seed)
    with pytest.raises(DataError, match="same subfolders 'dress', 'hat'") as stopped:
        read_folder(tmp_path)
    patterns = re.findall(r"--label-from '([^']+)'", str(stopped.value))
    deepest = read_folder(tmp_path, LabelSource(label_from=patterns[0]))
    assert {one.label: one.files for one in deepest.classes()} == dict.fromkeys(
        ["dress", "hat"], len(places)
    )
    upper = read_folder(tmp_path, LabelSource(label_from=patterns[-1]))
    assert len(upper.labels) == 2
    assert not {"dress", "hat"} & set(upper.labels)


def test_subfolders_that_differ_and_dates_are_no_classes(tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        write_class(tmp_path / label / f"patient {label}", 1, count=1)
        write_class(tmp_path / label / f"other {label}", 2, count=1)
        for day in ("2023-05-01", "2023-05-02"):
            write_class(tmp_path / label / day, 3, count=1)
    assert read_folder(tmp_path).labels == ("benign", "malignant")
