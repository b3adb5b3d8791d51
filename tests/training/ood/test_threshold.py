"""The threshold under which an image counts as unlike the training data, and what it is worth."""

import numpy as np
import pytest

from inference.manifest import ScoreTerm
from training.ood.score import OodScore
from training.ood.threshold import (
    TUNE_FROM,
    accepting_threshold,
    fit_rejection,
    measure_unknown,
    split_unknown,
)

pytestmark = pytest.mark.training

TERM = ScoreTerm(mean=0.0, deviation=1.0)
FAMILIARITY = OodScore(
    prototypes=np.ones((1, 1), np.float32), max_logit=TERM, prototype_cosine=TERM
)


@pytest.mark.parametrize("num", [1, 3, 20, 1000])
def test_at_least_95_percent_of_the_validation_images_are_accepted(num: int) -> None:
    scores = np.random.default_rng(0).normal(0, 3, num).astype(np.float32)
    rule = fit_rejection(FAMILIARITY, scores)
    assert rule.accepted == (scores >= rule.threshold).mean()
    assert rule.accepted >= 0.95
    assert rule.accepted <= 0.952 or num <= 20


def test_the_least_familiar_images_are_the_rejected_ones() -> None:
    rule = fit_rejection(FAMILIARITY, np.arange(100).astype(np.float32))
    assert (rule.threshold, rule.accepted) == (4.0, 0.96)


def test_equal_images_are_all_accepted() -> None:
    assert fit_rejection(FAMILIARITY, np.ones(50, np.float32)).accepted == 1


def test_few_unknown_images_only_test() -> None:
    scores = np.arange(TUNE_FROM - 1).astype(np.float32)
    tune, test = split_unknown(scores)
    assert tune is None
    assert test is scores


def test_of_many_unknown_images_none_both_tunes_and_tests() -> None:
    tune, test = split_unknown(np.arange(TUNE_FROM).astype(np.float32))
    assert tune is not None
    assert sorted([*tune, *test]) == list(range(TUNE_FROM))
    assert abs(len(tune) - len(test)) <= 1


KNOWN = np.arange(1000).astype(np.float32)


def test_unknown_images_below_all_others_let_more_known_ones_in() -> None:
    rule = fit_rejection(FAMILIARITY, KNOWN, tune=np.full(30, -5, np.float32))
    assert rule.accepted == pytest.approx(0.99, abs=2e-3)
    assert rule.tuned_on == 30


def test_unknown_images_among_the_lowest_known_ones_are_kept_out() -> None:
    rule = fit_rejection(FAMILIARITY, KNOWN, tune=np.full(30, 75, np.float32))
    assert rule.threshold > 75
    assert rule.accepted == pytest.approx(0.92, abs=2e-3)


def test_unknown_images_that_cannot_be_told_cost_no_known_ones() -> None:
    rule = fit_rejection(FAMILIARITY, KNOWN, tune=np.full(30, 2000, np.float32))
    assert rule.accepted == pytest.approx(0.99, abs=2e-3)


def test_unknown_images_are_measured_against_known_ones() -> None:
    found = measure_unknown(
        "unknown images", known=KNOWN, unknown=np.array([-1, -1, 500, 10], np.float32)
    )
    assert found.images == 4
    assert found.auroc == pytest.approx((1 + 1 + 0.4995 + 0.9895) / 4)
    assert found.fpr95 == 0.25
    assert accepting_threshold(KNOWN) == 49
