"""The learning rate over a run: linear warm-up, then cosine to zero."""

import math
from dataclasses import dataclass
from typing import Final

WARMUP_SHARE: Final = 0.1
# With fewer steps of warm-up than this, Adam's second moments are still noise at the peak rate: the
# first steps would throw away the probe's head.
_WARMUP_STEPS: Final = 20
_LONGEST_WARMUP: Final = 0.3


def rate_factor(progress: float, num_steps: int) -> float:
    """Return the share of the peak rate at `progress`, 0..1, of a run of `num_steps`: 0..1.

    Loshchilov & Hutter 2017, "SGDR", without restarts.
    """
    warmup = min(_LONGEST_WARMUP, max(WARMUP_SHARE, _WARMUP_STEPS / num_steps))
    if progress < warmup:
        # The first step has a rate, too.
        return min(1.0, (progress + 1 / num_steps) / warmup)
    return (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup)))) / 2


@dataclass(slots=True)
class RunProgress:
    """How far a run is.

    `progress` is the schedule's, 0..1, and is kept apart from the steps: a run that turns out slower
    than planned gets fewer steps, and its rate still falls to zero at the last one.
    """

    num_steps: int
    step: int = 0
    progress: float = 0.0

    @property
    def done(self) -> bool:
        """Whether no step is left."""
        return self.step >= self.num_steps

    def describe(self) -> str:
        """Return where the run is, in words."""
        return f"step {self.step} of {self.num_steps}"

    def advance(self) -> None:
        """Count one step."""
        self.progress += (1 - self.progress) / (self.num_steps - self.step)
        self.step += 1

    def replan(self, num_steps: int) -> None:
        """Give the run another length; what was done stays done."""
        self.num_steps = max(num_steps, self.step)
