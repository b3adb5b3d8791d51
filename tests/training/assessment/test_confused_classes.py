"""Which classes are taken for each other."""

import numpy as np
import pytest

from training.assessment.confused_classes import ConfusedPair, confused_pairs

pytestmark = pytest.mark.training


def test_pairs_are_counted_both_ways_and_named_the_more_frequent_way() -> None:
    counts = np.array([[9, 1, 0], [4, 9, 2], [0, 0, 9]])
    assert confused_pairs(counts, ("a", "b", "c")) == [
        ConfusedPair(first="b", second="a", first_as_second=4, second_as_first=1),
        ConfusedPair(first="b", second="c", first_as_second=2, second_as_first=0),
    ]


def test_without_a_mistake_there_is_no_pair() -> None:
    assert confused_pairs(np.diag([3, 2]), ("a", "b")) == []
