"""Whether our service does what it set out to do, each aim with what was measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.service.ceilings import BOTH

OURS: Final = "graft"
OURS_INT8: Final = "graft, int8"
ECHO: Final = "HTTP echo"
_SHARE_OF_PIPELINE: Final = 0.9
_TIMES_BEST_PEER: Final = 1.5
_INT8_TIMES_BEST_PEER: Final = 2.0
_LONE_TIMES: Final = 1.15
_FLAT_TIMES: Final = 1.1
_ANSWERED_OR_REFUSED: Final = frozenset({"200", "429"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """An aim in words, what was measured, and whether that is enough."""

    text: str
    measured: str
    reached: bool


def judge(
    measured: Mapping[str, Mapping[str, Any]],
    *,
    ceilings: Mapping[str, float],
    lone_ms: float,
    deadline_s: float,
) -> list[Aim]:
    """Return the aims that the run could judge; none where our service was not in it."""
    if OURS not in measured:
        return []
    ours = measured[OURS]
    peers = {
        name: _best(found)
        for name, found in measured.items()
        if name != ECHO and not name.startswith(OURS)  # ours elsewhere is no peer either
    }
    return [
        _throughput(ours, ceilings),
        *_against_peers(ours, peers, "", _TIMES_BEST_PEER),
        *_against_peers(measured.get(OURS_INT8), peers, " with int8", _INT8_TIMES_BEST_PEER),
        _lone_request(ours, lone_ms),
        *_overload(ours["overload"], deadline_s),
    ]


def print_aims(aims: list[Aim]) -> None:
    """Print a row for each aim, with `pass` or `FAIL`."""
    print("| aim | measured | |\n|---|---|---|")
    for aim in aims:
        print(f"| {aim.text} | {aim.measured} | {'pass' if aim.reached else 'FAIL'} |")
    print()


def _throughput(ours: Mapping[str, Any], ceilings: Mapping[str, float]) -> Aim:
    share = _best(ours) / ceilings[BOTH]
    return Aim(
        text=f"images/s at least {_SHARE_OF_PIPELINE:.0%} of the pipeline without HTTP",
        measured=f"{_best(ours):.1f} of {ceilings[BOTH]:.1f}: {share:.0%}",
        reached=share >= _SHARE_OF_PIPELINE,
    )


def _against_peers(
    ours: Mapping[str, Any] | None, peers: Mapping[str, float], how: str, aim: float
) -> Iterator[Aim]:
    if peers and ours is not None:
        name = max(peers, key=lambda peer: peers[peer])
        times = _best(ours) / peers[name]
        yield Aim(
            text=f"images/s{how} at least {aim:g} times the best other in float32",
            measured=f"{_best(ours):.1f}, {times:.2f} times {name} at {peers[name]:.1f}",
            reached=times >= aim,
        )


def _lone_request(ours: Mapping[str, Any], lone_ms: float) -> Aim:
    p50_ms = ours["1"]["p50_ms"]
    return Aim(
        text=f"p50 of a lone request at most {_LONE_TIMES:g} times decoding + model",
        measured=f"{p50_ms:.1f} ms, {lone_ms:.1f} ms without HTTP: {p50_ms / lone_ms:.2f} times",
        reached=p50_ms <= _LONE_TIMES * lone_ms,
    )


def _overload(found: Mapping[str, Any], deadline_s: float) -> Iterator[Aim]:
    yield Aim(
        text="twice capacity: p99 of what is accepted within the deadline",
        measured=f"{found['p99_ms']:.0f} ms of {1e3 * deadline_s:.0f} ms",
        reached=found["p99_ms"] <= 1e3 * deadline_s,
    )
    statuses = found["statuses"]
    yield Aim(
        text="twice capacity: all others are refused with 429",
        measured=", ".join(f"{count} x {status}" for status, count in statuses.items()),
        reached=set(statuses) <= _ANSWERED_OR_REFUSED,
    )
    memory = found["memory"]
    yield Aim(
        text=f"twice capacity: RAM at the end at most {_FLAT_TIMES:g} times that at the start",
        measured="{start_mb:.0f} MB, peak {peak_mb:.0f} MB, end {end_mb:.0f} MB".format(**memory),
        reached=memory["end_mb"] <= _FLAT_TIMES * memory["start_mb"],
    )


def _best(found: Mapping[str, Any]) -> float:
    """Return the most images/s at any number of connections."""
    best: float = max(load["per_s"] for load in found.values() if "per_s" in load)
    return best
