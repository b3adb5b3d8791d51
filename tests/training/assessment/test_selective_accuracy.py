"""What answering only the surest is worth, counted by hand."""

import numpy as np
import pytest

from training.assessment.labelled_predictions import LabelledPredictions
from training.assessment.selective_accuracy import at_coverage, operating_points

pytestmark = pytest.mark.training


def answers(confidence: list[float], right: list[bool]) -> LabelledPredictions:
    """Return answers for images of the first of two classes."""
    first = [c if r else 1 - c for c, r in zip(confidence, right, strict=True)]
    probabilities = np.array([[p, 1 - p] for p in first], dtype=np.float32)
    return LabelledPredictions(
        labels=("a", "b"),
        probabilities=probabilities,
        targets=np.zeros(len(first), np.int64),
        paths=tuple(map(str, range(len(first)))),
    )


def test_accuracy_is_that_of_the_surest_so_far() -> None:
    points = operating_points(answers([0.6, 0.9, 0.8, 0.7], [False, True, True, False]))
    assert [point.coverage for point in points] == [0.25, 0.5, 0.75, 1.0]
    assert [point.accuracy for point in points] == pytest.approx([1, 1, 2 / 3, 0.5])
    assert [point.confidence for point in points] == pytest.approx([0.9, 0.8, 0.7, 0.6])


def test_the_equally_sure_are_answered_together() -> None:
    """Else the order of the files would decide the accuracy."""
    points = operating_points(answers([0.9, 0.8, 0.8, 0.8], [True, False, True, True]))
    assert [point.images for point in points] == [1, 4]


def test_a_share_between_two_points_is_the_larger_one() -> None:
    points = operating_points(answers([0.9, 0.8, 0.8, 0.8], [True, False, True, True]))
    assert at_coverage(points, 0.25).images == 1
    assert at_coverage(points, 0.3).images == 4
    assert at_coverage(points, 1.0).images == 4
