"""Whether our service does what it set out to do, each aim with what was measured."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.service.ceilings import BOTH
from benchmarks.service.costs import middle_costs, most_images_per_s
from benchmarks.service.rounds import Ratio, Round, most_per_s, share_of_ceiling
from inference.manifest import Precision

OURS: Final = "graft"
OURS_INT8: Final = "graft, int8"
OURS_BF16: Final = "graft, bf16"
OURS_BY_PRECISION: Final[Mapping[Precision, str]] = {
    "fp32": OURS,
    "bf16": OURS_BF16,
    "int8": OURS_INT8,
}
ECHO: Final = "HTTP echo"
_SHARE_OF_PIPELINE: Final = 0.9
_TIMES_BEST_PEER: Final[Mapping[Precision, float]] = {"fp32": 1.0, "bf16": 1.5, "int8": 2.0}
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
    measured: Mapping[str, Mapping[str, Any]], rounds: Sequence[Round], *, deadline_s: float
) -> list[Aim]:
    """Return the aims that the run could judge; none where our service was not in it."""
    if OURS not in measured:
        return []
    # Ours elsewhere is no peer either.
    peers = [name for name in measured if name != ECHO and not name.startswith(OURS)]
    aims = [_throughput(rounds)]
    for precision, wanted in _TIMES_BEST_PEER.items():
        aims += _against_peers(measured, rounds, precision, peers, wanted)
    aims.append(_lone_request(rounds))
    if "overload" in measured[OURS]:  # not where the run was interrupted
        aims += _overload(measured[OURS]["overload"], deadline_s)
    return aims


def print_aims(aims: list[Aim]) -> None:
    """Print a row for each aim, with `met` or `missed`."""
    print("\n| aim | measured | |\n|---|---|---|")
    for aim in aims:
        print(f"| {aim.text} | {aim.measured} | {'met' if aim.reached else 'missed'} |")
    print()


def _throughput(rounds: Sequence[Round]) -> Aim:
    share = share_of_ceiling(rounds, OURS, BOTH)
    assert share is not None
    return Aim(
        text=f"images/s at least {_SHARE_OF_PIPELINE:.0%} of the pipeline without HTTP",
        measured=f"{share.middle:.0%} (rounds {share.low:.0%} to {share.high:.0%})",
        reached=share.middle >= _SHARE_OF_PIPELINE,
    )


def _against_peers(
    measured: Mapping[str, Mapping[str, Any]],
    rounds: Sequence[Round],
    precision: Precision,
    peers: Sequence[str],
    aim: float,
) -> Iterator[Aim]:
    ours = OURS_BY_PRECISION[precision]
    times = {peer: _times(rounds, ours, peer) for peer in peers}
    compared = {peer: ratio for peer, ratio in times.items() if ratio is not None}
    if compared:
        best = min(compared, key=lambda peer: compared[peer].middle)
        found = compared[best]
        bound = ""
        if cost := middle_costs(rounds).get(precision):
            most = most_images_per_s(cost, measured[ours]["16"]["generator_cpu_ms"])
            of_best = statistics.median(
                most_per_s(r.loads[best]) for r in rounds if best in r.loads
            )
            bound = f"; no server could be above {most / of_best:.2f} here"
        how = "" if precision == "fp32" else f" with {precision}"
        yield Aim(
            text=f"images/s{how} at least {aim:g} times the best other in float32",
            measured=f"{found.middle:.2f} times {best} "
            f"(rounds {found.low:.2f} to {found.high:.2f}{bound})",
            reached=found.middle >= aim,
        )


def _times(rounds: Sequence[Round], ours: str, peer: str) -> Ratio | None:
    """Return how many times the images/s of a peer ours were, None where no round had both."""
    both = [found.loads for found in rounds if ours in found.loads and peer in found.loads]
    ratios = [most_per_s(loads[ours]) / most_per_s(loads[peer]) for loads in both]
    return Ratio.of(ratios) if ratios else None


def _lone_request(rounds: Sequence[Round]) -> Aim:
    times = Ratio.of(
        found.loads[OURS]["1"]["p50_ms"] / found.lone_ms for found in rounds if OURS in found.loads
    )
    return Aim(
        text=f"p50 of a lone request at most {_LONE_TIMES:g} times decoding + model",
        measured=f"{times.middle:.2f} times (rounds {times.low:.2f} to {times.high:.2f})",
        reached=times.middle <= _LONE_TIMES,
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
