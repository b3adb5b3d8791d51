"""What a run says of our service: each aim passes where it should, and only there."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.service.aims import judge
from benchmarks.service.ceilings import BOTH
from benchmarks.service.rounds import Loads, Round

MEMORY = {"start_mb": 200.0, "peak_mb": 230.0, "end_mb": 210.0}


def found(per_s: float, **overload: Any) -> dict[str, Any]:
    under_load = {"p99_ms": 900.0, "statuses": {"200": 9, "429": 9}, "memory": MEMORY, **overload}
    return {
        "1": {"per_s": per_s / 2, "p50_ms": 11.0},
        "16": {"per_s": per_s, "p50_ms": 160.0},
        "overload": {"per_s": 9000.0, **under_load},
    }


def round_of(measured: Mapping[str, Any], *, ceiling: float, lone_ms: float) -> Round:
    loads: dict[str, Loads] = {
        name: {n: load for n, load in loaded.items() if n.isdigit()}
        for name, loaded in measured.items()
    }
    return Round(ceilings={BOTH: ceiling}, lone_ms=lone_ms, loads=loads)


def verdicts(measured: Mapping[str, Any], *, lone_ms: float = 10.0) -> list[bool]:
    rounds = [round_of(measured, ceiling=100.0, lone_ms=lone_ms)]
    return [aim.reached for aim in judge(measured, rounds, deadline_s=1.0)]


def test_a_good_run_passes_every_aim() -> None:
    assert verdicts({"graft": found(95.0), "mosec": found(50.0)}) == [True] * 6


@pytest.mark.parametrize(
    ("failing", "measured"),
    [
        (0, {"graft": found(89.0), "mosec": found(50.0)}),
        (1, {"graft": found(95.0), "mosec": found(96.0), "LitServe": found(10.0)}),
        (3, {"graft": found(95.0, p99_ms=1001.0), "mosec": found(50.0)}),
        (4, {"graft": found(95.0, statuses={"200": 9, "504": 1}), "mosec": found(50.0)}),
        (5, {"graft": found(95.0, memory=MEMORY | {"end_mb": 221.0}), "mosec": found(50.0)}),
    ],
    ids=["slow", "a quicker peer", "late", "another status", "growing"],
)
def test_only_the_aim_that_was_missed_fails(failing: int, measured: dict[str, Any]) -> None:
    assert verdicts(measured) == [index != failing for index in range(6)]


def test_a_slow_lone_request_fails_its_aim() -> None:
    assert verdicts({"graft": found(95.0), "mosec": found(50.0)}, lone_ms=9.5)[2] is False


@pytest.mark.parametrize("name", ["HTTP echo", "graft on Ray Serve"])
def test_the_echo_and_our_own_service_elsewhere_are_no_peers(name: str) -> None:
    assert len(verdicts({"graft": found(95.0), name: {"1": {"per_s": 9000.0}}})) == 5


@pytest.mark.parametrize(
    ("name", "per_s", "reached"),
    [
        ("graft, int8", 101.0, True),
        ("graft, int8", 99.0, False),
        ("graft, bf16", 76.0, True),
        ("graft, bf16", 74.0, False),
    ],
)
def test_a_smaller_type_is_held_against_the_best_other_in_float32(
    name: str, per_s: float, reached: bool
) -> None:
    measured = {"graft": found(95.0), name: found(per_s), "mosec": found(50.0)}
    assert verdicts(measured) == [True, True, reached, True, True, True, True]


def test_what_no_server_could_reach_is_said_beside_the_aim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    measured = {"graft": found(95.0), "graft, int8": found(80.0), "mosec": found(100.0)}
    measured["graft, int8"]["16"]["generator_cpu_ms"] = 0.5
    whole = round_of(measured, ceiling=100.0, lone_ms=10.0)
    costs = {"int8": {"decode_ms": 5.5, "model_ms": 4.0}}
    rounds = [dataclasses.replace(whole, costs=costs)]
    _, _, int8, *_ = judge(measured, rounds, deadline_s=1.0)
    assert "no server could be above 2.00 here" in int8.measured


def test_a_run_that_was_interrupted_is_judged_as_far_as_it_went() -> None:
    measured = {"graft": found(95.0)}
    del measured["graft"]["overload"]
    assert verdicts(measured) == [True, True]


def test_nothing_is_judged_without_our_service() -> None:
    assert verdicts({"mosec": found(50.0)}) == []


def test_what_one_round_found_is_held_against_what_the_same_round_allowed() -> None:
    """The machine was half as fast in the first round, and slow for a moment in the second."""
    measured = {"graft": found(95.0), "mosec": found(50.0)}
    slow = {"graft": found(47.5), "mosec": found(25.0)}
    disturbed = {"graft": found(60.0), "mosec": found(50.0)}
    rounds = [
        round_of(slow, ceiling=50.0, lone_ms=20.0),
        round_of(disturbed, ceiling=100.0, lone_ms=10.0),
        round_of(measured, ceiling=100.0, lone_ms=10.0),
    ]
    throughput, peers, *_ = judge(measured, rounds, deadline_s=1.0)
    assert (throughput.reached, throughput.measured) == (True, "95% (rounds 60% to 95%)")
    assert (peers.reached, peers.measured) == (True, "1.90 times mosec (rounds 1.20 to 1.90)")
