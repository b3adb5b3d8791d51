"""How long each stage of one request took: for the `Server-Timing` header and the metrics."""

import time
from collections.abc import Mapping
from typing import Literal

Stage = Literal["load", "receive", "decode", "queue", "infer"]


class StageTimes:
    """Seconds by stage. Of the images of one request the slowest counts."""

    def __init__(self) -> None:
        self._seconds: dict[Stage, float] = {}

    def note(self, stage: Stage, seconds: float) -> None:
        """Record a duration in seconds."""
        self._seconds[stage] = max(seconds, self._seconds.get(stage, 0.0))

    def measure(self, stage: Stage) -> "_Measuring":
        """Record how long the returned context was open."""
        return _Measuring(self, stage)

    @property
    def seconds(self) -> Mapping[Stage, float]:
        """The recorded stages."""
        return self._seconds


class _Measuring:
    """A class of its own, for a generator's context costs several times as much."""

    __slots__ = ("_stage", "_started", "_times")

    def __init__(self, times: StageTimes, stage: Stage) -> None:
        self._times = times
        self._stage = stage

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *raised: object) -> None:
        self._times.note(self._stage, time.perf_counter() - self._started)
