"""How fast one file is beside another, in the only way that other work on the machine does not spoil."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.batch_buffers import Pixels
from inference.model_session import ModelSession

# A lone request, and a batch that the service makes of several.
BATCHES: Final = (1, 8)
_MIN_ROUNDS: Final = 7
_MAX_ROUNDS: Final = 40
_ROUNDS_S: Final = 1.5
_FEW_ROUNDS: Final = 4
_MOMENT_S: Final = 0.5
# Below this another file, or another runtime, is not worth its answers, and it may be noise.
MIN_SPEEDUP: Final = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTiming:
    """Milliseconds an image, in batches of `batch`: of the float32 file and of the other."""

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
    """Time two files in turn on the images (8 or more, H, W, 3), at each of `BATCHES`.

    Alternated, so that whatever slows the machine meanwhile slows both; medians, so that a moment's
    interruption does not count.
    """
    timings = tuple(_medians(reference, other, pixels[:batch]) for batch in BATCHES)
    return Speed(provider=other.provider, timings=timings)


def quickest_in_turn(reference: ModelSession, other: ModelSession, batch: Pixels) -> BatchTiming:
    """Time two files in turn on one batch, for a moment, and take the quickest run of each.

    Where others use the cores meanwhile, it is the one that they disturbed least.
    """
    spent = _times_s(reference, other, batch, min_rounds=_FEW_ROUNDS, rounds_s=_MOMENT_S)
    first, second = (1000 * min(seconds) / len(batch) for seconds in spent)
    return BatchTiming(batch=len(batch), reference_ms=first, other_ms=second)


def _medians(reference: ModelSession, other: ModelSession, batch: Pixels) -> BatchTiming:
    spent = _times_s(reference, other, batch, min_rounds=_MIN_ROUNDS, rounds_s=_ROUNDS_S)
    first, second = (1000 * float(np.median(seconds)) / len(batch) for seconds in spent)
    return BatchTiming(batch=len(batch), reference_ms=first, other_ms=second)


def _times_s(
    reference: ModelSession, other: ModelSession, batch: Pixels, *, min_rounds: int, rounds_s: float
) -> tuple[list[float], list[float]]:
    """Return the seconds of each run, of about `rounds_s` in all, so many runs of each at least."""
    spent: tuple[list[float], list[float]] = ([], [])
    for session in (reference, other):
        _run_s(session, batch)
    ends = time.monotonic() + rounds_s
    for done in range(_MAX_ROUNDS):
        if done >= min_rounds and time.monotonic() > ends:
            break
        for session, seconds in zip((reference, other), spent, strict=True):
            seconds.append(_run_s(session, batch))
    return spent


def _run_s(session: ModelSession, batch: Pixels) -> float:
    started = time.perf_counter()
    session.run(batch, ["probabilities"])
    return time.perf_counter() - started
