"""Several rounds of the same measurements, brought together.

A machine that others share is at times half as fast as at others. So all servers are measured in turn,
in several rounds, each round in the order opposite to the one before, and the round in the middle counts.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

Found = TypeVar("Found")


def in_order(servers: Sequence[Found], turn: int) -> list[Found]:
    """Return the servers in the order of a round, counted from 0."""
    return list(servers) if turn % 2 == 0 else list(reversed(servers))


def middle(rounds: Sequence[Found], rank: Callable[[Found], float]) -> Found:
    """Return the round in the middle by `rank`; of two, the lesser."""
    return sorted(rounds, key=rank)[(len(rounds) - 1) // 2]


def middle_loads(rounds: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
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
