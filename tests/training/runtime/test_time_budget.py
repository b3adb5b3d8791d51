"""A limit of wall time, by a clock that the test sets."""

import math

import pytest

from training.runtime.time_budget import TimeBudget, describe_duration

pytestmark = pytest.mark.training


def budget(total_s: float, *, now_s: float) -> TimeBudget:
    """Return a budget that began at second 100 of a clock that shows `now_s`."""
    return TimeBudget(started_s=100.0, total_s=total_s, clock=lambda: now_s)


def test_what_is_left_counts_from_the_start() -> None:
    found = budget(60.0, now_s=140.0)
    assert (found.elapsed_s, found.left_s) == (40.0, 20.0)
    assert found.has(20.0)
    assert not found.has(20.5)


def test_a_budget_can_be_overdrawn() -> None:
    assert budget(60.0, now_s=170.0).left_s == -10.0


def test_without_a_limit_there_is_time_for_anything() -> None:
    endless = budget(math.inf, now_s=1e9)
    assert not endless.limited
    for one in (endless, endless.less(1e6), endless.aim()):
        assert one.has(1e12)


def test_time_that_is_kept_for_later_is_taken_from_the_end() -> None:
    kept = budget(60.0, now_s=140.0).less(15.0)
    assert kept.limited
    assert (kept.left_s, kept.elapsed_s) == (5.0, 40.0)


def test_the_aim_is_a_little_before_the_end() -> None:
    assert budget(100.0, now_s=100.0).aim().left_s == pytest.approx(97.0)


def test_a_run_that_took_longer_says_by_how_much() -> None:
    said = budget(180.0, now_s=302.4).describe_overrun()
    assert said == (
        "time budget: the run took 3 min 22 s, 22 s more than the 3 min of --time-budget"
    )


@pytest.mark.parametrize("now_s", [150.0, 160.0, 160.9])
def test_a_run_in_time_says_nothing(now_s: float) -> None:
    assert budget(60.0, now_s=now_s).describe_overrun() is None
    assert budget(math.inf, now_s=1e9).describe_overrun() is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(9.4, "9 s"), (60, "1 min"), (202, "3 min 22 s"), (3600, "1 h"), (3900, "1 h 5 min")],
)
def test_a_duration_in_words(seconds: float, text: str) -> None:
    assert describe_duration(seconds) == text
