"""Classes left out in turn, as stand-ins for what is unknown."""

import numpy as np
import pytest

from training.left_out import measure_left_out

pytestmark = pytest.mark.training


def images(num_classes: int, per_class: int, *, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(per_class)
    targets = np.repeat(np.arange(num_classes), per_class)
    directions = np.eye(max(num_classes, 6), dtype=np.float32)[targets]
    return (directions + rng.normal(0, noise, directions.shape)).astype(np.float32), targets


@pytest.mark.parametrize("num_classes", [3, 6, 23])
def test_each_class_is_left_out_once(num_classes: int) -> None:
    found = measure_left_out(
        *images(num_classes, 8, noise=0.05), *images(num_classes, 5, noise=0.05), strength=1.0
    )
    assert found is not None
    assert found.against == "classes left out"
    assert found.images == num_classes * (8 + 5)


def test_classes_apart_are_told_and_noise_is_not() -> None:
    apart = measure_left_out(*images(5, 30, noise=0.02), *images(5, 20, noise=0.02), strength=1.0)
    mixed = measure_left_out(*images(5, 30, noise=9.0), *images(5, 20, noise=9.0), strength=1.0)
    assert apart is not None
    assert mixed is not None
    assert (apart.auroc, apart.fpr95) == (1, 0)
    assert 0.4 < mixed.auroc < 0.6
    assert mixed.fpr95 > 0.8


def test_with_two_classes_there_is_none_to_leave_out() -> None:
    assert (
        measure_left_out(*images(2, 8, noise=0.1), *images(2, 5, noise=0.1), strength=1.0) is None
    )
