"""How fast one file is beside another, in the only way that other work on the machine does not spoil."""

import math
import time
from dataclasses import dataclass
from typing import Final

from inference.batch_buffers import Pixels
from inference.model_session import ModelSession

# A lone request, and a batch that the service makes of several.
BATCHES: Final = (1, 8)
_MIN_ROUNDS: Final = 7
_MAX_ROUNDS: Final = 40
_ROUNDS_S: Final = 1.5
# Below this another file, or another runtime, is not worth its answers, and it may be noise.
MIN_SPEEDUP: Final = 1.1
_SHOWN: Final = {"openvino": "OpenVINO", "tensorrt": "TensorRT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTiming:
    """Milliseconds an image, of the quickest run in batches of `batch`: the float32 file and the other."""

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
        return f"{ratios} ({_SHOWN.get(self.provider, self.provider.upper())})"


def compare_speed(reference: ModelSession, other: ModelSession, pixels: Pixels) -> Speed:
    """Time two files in turn on the images (8 or more, H, W, 3), at each of `BATCHES`."""
    timings = tuple(time_in_turn(reference, other, pixels[:batch]) for batch in BATCHES)
    return Speed(provider=other.provider, timings=timings)


def time_in_turn(
    reference: ModelSession,
    other: ModelSession,
    batch: Pixels,
    *,
    min_rounds: int = _MIN_ROUNDS,
    rounds_s: float = _ROUNDS_S,
) -> BatchTiming:
    """Time two files on one batch, for about `rounds_s`, so many runs of each at least.

    In turn, so that whatever slows the machine meanwhile slows both; the quickest run of each is the one
    that others on the same cores disturbed least. A median says there how they share the cores.
    """
    for session in (reference, other):
        _run_s(session, batch)
    quickest = [math.inf, math.inf]
    ends = time.monotonic() + rounds_s
    for done in range(_MAX_ROUNDS):
        if done >= min_rounds and time.monotonic() > ends:
            break
        for index, session in enumerate((reference, other)):
            quickest[index] = min(quickest[index], _run_s(session, batch))
    first, second = (1000 * seconds / len(batch) for seconds in quickest)
    return BatchTiming(batch=len(batch), reference_ms=first, other_ms=second)


def _run_s(session: ModelSession, batch: Pixels) -> float:
    started = time.perf_counter()
    session.run(batch, ["probabilities"])
    return time.perf_counter() - started
