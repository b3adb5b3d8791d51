"""A few images drawn from a data set, and what models make of its test images."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.training.few_images import PER_CLASS, judge, write_few
from tests.training.folders import write_classes

pytestmark = pytest.mark.training


def test_so_many_images_a_class_are_drawn_and_all_test_images_stay(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_classes(tmp_path / "data" / split, count=9)
    drawn: list[set[Path]] = []
    for seed in (0, 0, 1):
        out = tmp_path / f"{len(drawn)}"
        write_few(tmp_path / "data", out, seed=seed)
        assert len(list((out / "test").rglob("*.*"))) == 27
        drawn.append({file.relative_to(out) for file in (out / "train").rglob("*.*")})
    assert len(drawn[0]) == 3 * PER_CLASS
    assert drawn[0] == drawn[1] != drawn[2]


def test_right_answers_are_counted_and_the_loss_is_at_the_best_temperature() -> None:
    targets = np.repeat([0, 1], 50)
    logits = np.eye(2, dtype=np.float32)[targets]
    logits[:20] = [0, 1]
    sure, unsure = judge(logits, targets), judge(logits / 2, targets, note="of two")
    assert sure["right"] == unsure["right"] == 80
    assert sure["images"] == 100
    assert sure["note"] == "loss 0.500 at the best temperature"
    assert unsure["note"] == "loss 0.500 at the best temperature; of two"
