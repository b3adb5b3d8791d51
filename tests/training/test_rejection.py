"""The threshold under which an image counts as unlike the training data."""

import numpy as np
import pytest

from inference.rejection import is_rejected
from training.rejection import fit_rejection

pytestmark = pytest.mark.training


@pytest.mark.parametrize("num", [1, 3, 20, 1000])
def test_at_least_95_percent_of_the_validation_images_are_accepted(num: int) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (num, 5)).astype(np.float32)
    rule = fit_rejection(logits)
    accepted = 1 - is_rejected(rule, logits).mean()
    assert accepted == pytest.approx(rule.accepted)
    assert accepted >= 0.95


def test_the_least_familiar_images_are_the_rejected_ones() -> None:
    logits = np.stack([np.arange(100), np.full(100, -1)], axis=1).astype(np.float32)
    rule = fit_rejection(logits)
    assert is_rejected(rule, logits).tolist() == [True] * 4 + [False] * 96


def test_equal_images_are_all_accepted() -> None:
    logits = np.ones((50, 3), dtype=np.float32)
    assert not is_rejected(fit_rejection(logits), logits).any()
