"""How long a run may take, and what is left of that, by one clock."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

# A machine's speed changes while it works, by more than the slack of some minutes: the aim is before the
# end, so that a run that turns out slower still keeps to its budget within 5 %.
_AIM: Final = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBudget:
    """A limit of wall time.

    Attributes:
        started_s: when it began, by `clock`.
        total_s: seconds from then on; infinity where there is no limit.
        clock: seconds that only grow.
    """

    started_s: float
    total_s: float = math.inf
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def starting_now(cls, total_s: float = math.inf) -> "TimeBudget":
        """Return a budget that begins at this moment."""
        return cls(started_s=time.monotonic(), total_s=total_s)

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return math.isfinite(self.total_s)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return self.clock() - self.started_s

    @property
    def left_s(self) -> float:
        """Seconds that are left, below 0 when it is overdrawn; infinity without a limit."""
        return self.total_s - self.elapsed_s

    def has(self, seconds: float) -> bool:
        """Return whether so much is left."""
        return seconds <= self.left_s

    def less(self, seconds: float) -> "TimeBudget":
        """Return a budget that ends earlier."""
        return replace(self, total_s=self.total_s - seconds)

    def aim(self) -> "TimeBudget":
        """Return what to plan for, which ends a little earlier."""
        return replace(self, total_s=_AIM * self.total_s)
