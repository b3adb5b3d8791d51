"""The interval of a share, against scipy's."""

import pytest
from scipy.stats import binomtest

from training.assessment.intervals import newcombe, wilson

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("successes", "trials"), [(213, 245), (0, 3), (3, 3), (1, 2), (9999, 10_000)]
)
def test_the_interval_is_scipys_wilson_interval(successes: int, trials: int) -> None:
    theirs = binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson(successes, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("trials", [1, 7, 1000])
def test_all_right_is_not_certainty(trials: int) -> None:
    interval = wilson(trials, trials)
    assert interval is not None
    assert interval[0] < 1
    assert interval[1] == 1


def test_nothing_to_count_has_no_interval() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(
    one: tuple[int, int], other: tuple[int, int], published: tuple[float, float]
) -> None:
    """Table II of the paper, method 10."""
    assert newcombe(one, other) == pytest.approx(published, abs=1e-4)
    assert newcombe(one, (0, 0)) is None
