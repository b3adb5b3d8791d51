"""The score behind `rejected`."""

import numpy as np

from inference.manifest import Rejection
from inference.rejection import familiarity, is_rejected

LOGITS = np.array([[1, 5, 2], [-3, -1, -2], [5, 5, 5]], np.float32)


def test_familiarity_is_the_largest_logit() -> None:
    assert familiarity(LOGITS).tolist() == [5, -1, 5]


def test_below_the_threshold_is_rejected_and_at_it_is_not() -> None:
    rule = Rejection(score="max_logit", threshold=5.0, accepted=0.95)
    assert is_rejected(rule, LOGITS).tolist() == [False, True, False]


def test_without_a_rule_nothing_is_rejected() -> None:
    assert is_rejected(None, LOGITS).tolist() == [False, False, False]
