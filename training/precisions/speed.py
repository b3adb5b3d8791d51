"""How fast one file is beside another, in the only way that other work on the machine does not spoil."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.session import ModelSession
from training.runtime.arrays import Pixels

# A lone request, and a batch that the service makes of several.
BATCHES: Final = (1, 8)
_MIN_ROUNDS: Final = 7
_MAX_ROUNDS: Final = 40
_ROUNDS_S: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTiming:
    """Median milliseconds an image, in batches of `batch`: of the float32 file and of the other."""

    batch: int
    reference_ms: float
    other_ms: float

    @property
    def ratio(self) -> float:
        """How many times as fast the other is."""
        return self.reference_ms / self.other_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Timings at several batch sizes, on `provider` (on a CPU with one thread)."""

    provider: str
    timings: tuple[BatchTiming, ...]

    @property
    def ratio(self) -> float:
        """How many times as fast it is where it gains least."""
        return min(timing.ratio for timing in self.timings)

    def describe(self) -> str:
        """Return the ratios in words."""
        ratios = " and ".join(
            f"{t.ratio:.2f} times as fast at batch {t.batch}" for t in self.timings
        )
        return f"{ratios} ({self.provider.upper()})"


def compare_speed(reference: ModelSession, other: ModelSession, pixels: Pixels) -> Speed:
    """Time two files in turn on the images (8 or more, H, W, 3).

    Alternated, so that whatever slows the machine meanwhile slows both; medians, so that a moment's
    interruption does not count.
    """
    timings = tuple(_time(reference, other, pixels[:batch]) for batch in BATCHES)
    return Speed(provider=other.provider, timings=timings)


def _time(reference: ModelSession, other: ModelSession, batch: Pixels) -> BatchTiming:
    spent: tuple[list[float], list[float]] = ([], [])
    for session in (reference, other):
        _run_s(session, batch)
    ends = time.monotonic() + _ROUNDS_S
    for done in range(_MAX_ROUNDS):
        if done >= _MIN_ROUNDS and time.monotonic() > ends:
            break
        for session, seconds in zip((reference, other), spent, strict=True):
            seconds.append(_run_s(session, batch))
    first, second = (1000 * float(np.median(seconds)) / len(batch) for seconds in spent)
    return BatchTiming(batch=len(batch), reference_ms=first, other_ms=second)


def _run_s(session: ModelSession, batch: Pixels) -> float:
    started = time.perf_counter()
    session.run(batch, ["probabilities"])
    return time.perf_counter() - started
