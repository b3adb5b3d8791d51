"""Several rounds of the same measurements, brought together.

A machine that others share is at times half as fast as at others. So all servers are measured in turn,
in several rounds, each round in the order opposite to the one before, and the round in the middle counts.
What is held against something else is held against what the same round found of it.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

Found = TypeVar("Found")
# By number of connections.
Loads = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What the machine allowed without HTTP, and what each server made of it within the same minutes.

    Attributes:
        ceilings: images/s, by what was measured.
        lone_ms: decoding and model for one image alone.
        loads: by server, then by number of connections.
        costs: ms of a core an image, by precision, then by part; see `costs.py`.
    """

    ceilings: Mapping[str, float]
    lone_ms: float
    loads: dict[str, Loads] = field(default_factory=dict)
    costs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio in the middle round, and in those where it was lowest and highest."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Ratio":
        """Return the median and the range of a ratio's values, one a round."""
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])


def most_per_s(loads: Loads) -> float:
    """Return the most images/s at any number of connections."""
    return max(float(load["per_s"]) for load in loads.values())


def share_of_ceiling(rounds: Sequence[Round], server: str, ceiling: str) -> Ratio | None:
    """Return the most images/s of a server as a share of a ceiling, None where no round had it."""
    shares = [
        most_per_s(found.loads[server]) / found.ceilings[ceiling]
        for found in rounds
        if server in found.loads
    ]
    return Ratio.of(shares) if shares else None


def in_order(servers: Sequence[Found], turn: int) -> list[Found]:
    """Return the servers in the order of a round, counted from 0."""
    return list(servers) if turn % 2 == 0 else list(reversed(servers))


def middle(rounds: Sequence[Found], rank: Callable[[Found], float]) -> Found:
    """Return the round in the middle by `rank`; of two, the lesser."""
    return sorted(rounds, key=rank)[(len(rounds) - 1) // 2]


def middle_loads(rounds: Sequence[Loads]) -> dict[str, dict[str, Any]]:
    """Return, for each number of connections, the round in the middle by images/s, with the range."""
    return {
        connections: {
            **middle([found[connections] for found in rounds], lambda load: float(load["per_s"])),
            "per_s_range": _range(found[connections]["per_s"] for found in rounds),
        }
        for connections in rounds[0]
    }


def middle_ceilings(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each ceiling."""
    return {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}


def _range(values: Iterable[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered[0], ordered[-1]]
