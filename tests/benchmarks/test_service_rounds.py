"""Rounds of a benchmark: the middle one counts, and how far they lie apart is told."""

import pytest

from benchmarks.service.rounds import (
    Round,
    in_order,
    middle_ceilings,
    middle_loads,
    share_of_ceiling,
)


def test_each_round_goes_the_other_way() -> None:
    orders = [in_order(["a", "b", "c"], turn) for turn in range(3)]
    assert orders == [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]]


def test_the_round_in_the_middle_counts_whole() -> None:
    rounds = [
        {"1": {"per_s": 30.0, "p50_ms": 3.0}, "16": {"per_s": 60.0, "p50_ms": 1.0}},
        {"1": {"per_s": 10.0, "p50_ms": 1.0}, "16": {"per_s": 90.0, "p50_ms": 2.0}},
        {"1": {"per_s": 20.0, "p50_ms": 2.0}, "16": {"per_s": 70.0, "p50_ms": 3.0}},
    ]
    assert middle_loads(rounds) == {
        "1": {"per_s": 20.0, "p50_ms": 2.0, "per_s_range": [10.0, 30.0]},
        "16": {"per_s": 70.0, "p50_ms": 3.0, "per_s_range": [60.0, 90.0]},
    }


def test_of_two_rounds_the_lesser_counts() -> None:
    found = middle_loads([{"1": {"per_s": 20.0}}, {"1": {"per_s": 10.0}}])
    assert found["1"]["per_s"] == 10.0


def test_a_ceiling_is_the_median_of_the_rounds() -> None:
    assert middle_ceilings([{"both": 1.0}, {"both": 9.0}, {"both": 3.0}]) == {"both": 3.0}


def test_a_share_of_a_ceiling_is_taken_within_each_round() -> None:
    """The machine was half as fast in one of them, and a server missed another one."""
    rounds = [
        Round(ceilings={"both": 100.0}, lone_ms=1.0, loads={"a": {"16": {"per_s": 80.0}}}),
        Round(ceilings={"both": 50.0}, lone_ms=1.0, loads={"a": {"16": {"per_s": 45.0}}}),
        Round(ceilings={"both": 100.0}, lone_ms=1.0),
    ]
    share = share_of_ceiling(rounds, "a", "both")
    assert share is not None
    assert (share.low, share.high) == (0.8, 0.9)
    assert share.middle == pytest.approx(0.85)
    assert share_of_ceiling(rounds, "b", "both") is None
