"""How long each stage of one request took: for the `Server-Timing` header and the metrics."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

Stage = Literal["receive", "decode", "queue", "infer"]


class StageTimes:
    """Seconds by stage. Of the images of one request the slowest counts."""

    def __init__(self) -> None:
        self._seconds: dict[Stage, float] = {}

    def note(self, stage: Stage, seconds: float) -> None:
        """Record a duration in seconds."""
        self._seconds[stage] = max(seconds, self._seconds.get(stage, 0.0))

    @contextmanager
    def measure(self, stage: Stage) -> Iterator[None]:
        """Record how long the context was open."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.note(stage, time.perf_counter() - started)

    @property
    def seconds(self) -> Mapping[Stage, float]:
        """The recorded stages."""
        return self._seconds
