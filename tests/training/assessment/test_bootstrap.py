"""Intervals and shares by the bootstrap."""

import numpy as np
import pytest

from training.assessment.bootstrap import (
    accuracy_difference,
    difference_interval,
    interval_of,
    share_better,
)

pytestmark = pytest.mark.training


def test_the_paired_interval_covers_the_difference() -> None:
    first, second = np.arange(200) < 190, np.arange(200) < 170
    difference, (low, high) = accuracy_difference(first, second)
    assert difference == pytest.approx(0.1)
    assert 0.05 < low < 0.1 < high < 0.15


def test_equal_losses_are_not_better() -> None:
    losses = np.ones(50)
    assert share_better(losses, losses) == 0
    assert share_better(losses * 0.5, losses) == 1


def test_where_no_image_tells_two_models_apart_there_is_no_interval() -> None:
    assert difference_interval(0, 0, 50) is None
    same = np.arange(50) < 40
    assert accuracy_difference(same, same) == (0.0, (0.0, 0.0))


def test_the_interval_of_a_share_is_about_that_of_the_binomial() -> None:
    """80 of 200: 40 % and 1.96 standard errors of 3.5 points to either side."""
    low, high = interval_of(np.array([80, 120]), lambda drawn: drawn[0] / 200, resamples=4000)
    assert low == pytest.approx(0.332, abs=0.01)
    assert high == pytest.approx(0.468, abs=0.01)


def test_an_outcome_that_never_occurred_is_never_drawn() -> None:
    counts = np.array([[30, 0], [0, 70]])
    assert interval_of(counts, lambda drawn: float(drawn[0, 1] + drawn[1, 0]), resamples=50) == (
        0,
        0,
    )
