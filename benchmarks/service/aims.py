"""Whether our service does what it set out to do, each aim with what was measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.service.ceilings import BOTH
from benchmarks.service.rounds import Ratio, Round, most_per_s, share_of_ceiling

OURS: Final = "graft"
OURS_INT8: Final = "graft, int8"
OURS_BF16: Final = "graft, bf16"
ECHO: Final = "HTTP echo"
_SHARE_OF_PIPELINE: Final = 0.9
_TIMES_BEST_PEER: Final = 1.0
_BF16_TIMES_BEST_PEER: Final = 1.5
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
    measured: Mapping[str, Mapping[str, Any]], rounds: Sequence[Round], *, deadline_s: float
) -> list[Aim]:
    """Return the aims that the run could judge; none where our service was not in it."""
    if OURS not in measured:
        return []
    # Ours elsewhere is no peer either.
    peers = [name for name in measured if name != ECHO and not name.startswith(OURS)]
    return [
        _throughput(rounds),
        *_against_peers(rounds, OURS, peers, "", _TIMES_BEST_PEER),
        *_against_peers(rounds, OURS_BF16, peers, " with bf16", _BF16_TIMES_BEST_PEER),
        *_against_peers(rounds, OURS_INT8, peers, " with int8", _INT8_TIMES_BEST_PEER),
        _lone_request(rounds),
        *_overload(measured[OURS]["overload"], deadline_s),
    ]


def print_aims(aims: list[Aim]) -> None:
    """Print a row for each aim, with `pass` or `FAIL`."""
    print("| aim | measured | |\n|---|---|---|")
    for aim in aims:
        print(f"| {aim.text} | {aim.measured} | {'pass' if aim.reached else 'FAIL'} |")
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
    rounds: Sequence[Round], ours: str, peers: Sequence[str], how: str, aim: float
) -> Iterator[Aim]:
    times = {peer: _times(rounds, ours, peer) for peer in peers}
    compared = {peer: ratio for peer, ratio in times.items() if ratio is not None}
    if compared:
        best = min(compared, key=lambda peer: compared[peer].middle)
        found = compared[best]
        yield Aim(
            text=f"images/s{how} at least {aim:g} times the best other in float32",
            measured=f"{found.middle:.2f} times {best} (rounds {found.low:.2f} to {found.high:.2f})",
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
