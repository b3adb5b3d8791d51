"""A few images drawn from a data set, and what models make of its test images."""

from pathlib import Path

import pytest

from benchmarks.training.few_images import PER_CLASS, judge, write_few
from tests.training.folders import write_classes
from training.candidates import Candidate

pytestmark = pytest.mark.training


def test_so_many_images_a_class_are_drawn_and_all_test_images_stay(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_classes(tmp_path / "data" / split, count=9)
    drawn = []
    for seed in (0, 0, 1):
        out = tmp_path / f"{len(drawn)}"
        write_few(tmp_path / "data", out, seed=seed)
        assert len(list((out / "test").rglob("*.*"))) == 27
        drawn.append({file.relative_to(out) for file in (out / "train").rglob("*.*")})
    assert len(drawn[0]) == 3 * PER_CLASS
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_model_is_judged_by_the_test_images(probe: Candidate) -> None:
    result = judge(probe, note="of two")
    assert result["right"] == result["images"] == 9
    assert result["note"].startswith("loss 0.0")
    assert result["note"].endswith("; of two")
