"""How long a run may take, and what is left of that, by one clock."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

# A machine's speed changes while it works, by more than the slack of some minutes: the aim is before the
# end, so that a run that turns out slower still keeps to its budget within 5 %.
_AIM: Final = 0.97
# A smaller overrun would be said in the seconds of the budget.
_NOTED_S: Final = 1.0


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

    def describe_overrun(self) -> str | None:
        """Return what to say of a run that took visibly longer; None where it did not."""
        if self.left_s > -_NOTED_S:
            return None
        took, over = describe_duration(self.elapsed_s), describe_duration(-self.left_s)
        planned = describe_duration(self.total_s)
        return f"time budget: the run took {took}, {over} more than the {planned} of --time-budget"

    def less(self, seconds: float) -> "TimeBudget":
        """Return a budget that ends earlier."""
        return replace(self, total_s=self.total_s - seconds)

    def aim(self) -> "TimeBudget":
        """Return what to plan for, which ends a little earlier."""
        return replace(self, total_s=_AIM * self.total_s)


def describe_duration(seconds: float) -> str:
    """Return such as "9 s", "3 min 22 s" or "1 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest_s = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"
    hours, rest_min = divmod(minutes, 60)
    return f"{hours} h {rest_min} min" if rest_min else f"{hours} h"
