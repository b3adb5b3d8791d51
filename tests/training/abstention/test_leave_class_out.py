"""Classes left out in turn, as stand-ins for what is unknown."""

import numpy as np
import pytest

from inference.measured import UnknownMeasure
from training.abstention.leave_class_out import LabelledEmbeddings, measure_leave_class_out

pytestmark = pytest.mark.training


def images(num_classes: int, per_class: int, *, noise: float) -> LabelledEmbeddings:
    rng = np.random.default_rng(per_class)
    targets = np.repeat(np.arange(num_classes), per_class)
    directions = np.eye(max(num_classes, 6), dtype=np.float32)[targets]
    embeddings = (directions + rng.normal(0, noise, directions.shape)).astype(np.float32)
    return LabelledEmbeddings(embeddings=embeddings, targets=targets)


def measured(num_classes: int, *, noise: float) -> UnknownMeasure:
    train, val, test = (images(num_classes, n, noise=noise) for n in (30, 20, 25))
    found = measure_leave_class_out(train, val, test, C=1.0)
    assert found is not None
    return found


@pytest.mark.parametrize("num_classes", [3, 6, 23])
def test_each_class_is_left_out_once(num_classes: int) -> None:
    found = measured(num_classes, noise=0.05)
    assert found.against == "classes left out"
    assert found.images == num_classes * (30 + 20 + 25)


def test_validation_images_that_test_too_count_once() -> None:
    train, val = images(4, 8, noise=0.1), images(4, 5, noise=0.1)
    found = measure_leave_class_out(train, val, val, C=1.0)
    assert found is not None
    assert found.images == 4 * (8 + 5)


def test_classes_apart_are_told_and_noise_is_not() -> None:
    apart, mixed = measured(5, noise=0.02), measured(5, noise=9.0)
    assert (apart.auroc, apart.fpr95) == (1, 0)
    assert 0.4 < mixed.auroc < 0.6
    assert mixed.fpr95 > 0.8


def test_with_two_classes_there_is_none_to_leave_out() -> None:
    two = images(2, 8, noise=0.1)
    assert measure_leave_class_out(two, two, two, C=1.0) is None
