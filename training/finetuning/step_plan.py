"""How long a run is, at which image sizes, and what it does when the clock says otherwise."""

from collections import deque
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Final

from training.finetuning.lr_schedule import RunProgress
from training.runtime.time_budget import TimeBudget

# Touvron et al. 2019, "Fixing the train-test resolution discrepancy": most steps on small images, the
# last ones at the served size.
FINAL_SHARE: Final = 0.2
# A new length is set only where the old one would miss the deadline by this share of what is left.
_TOLERANCE: Final = 0.03
# The mean of so many steps: a machine that is busy for a moment must not cut a run short.
_RECENT_STEPS: Final = 64
# With which they are compared, to see whether the machine is as fast as it was when it was measured.
_FIRST_STEPS: Final = 10

Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """What is planned.

    Attributes:
        num_steps: optimiser steps.
        most_steps: what the data is worth, time aside; a run that turns out faster may grow to it.
        num_validations: evaluations on the validation images, evenly spread, the last one at the end.
        early_hw: height and width of the training images in the first steps.
        final_hw: the same in the last fifth of the steps: the served model's input.
        budget: in which all is to be done. A run that turns out slower gets fewer steps, one that
            turns out faster more.
        closing_s: what follows the last step, at the machine's speed before the first one.
        final_factor: how many times as long as at the early size a step takes at the final one.
    """

    num_steps: int
    most_steps: int
    num_validations: int
    early_hw: Size
    final_hw: Size
    budget: TimeBudget
    closing_s: float = 0.0
    final_factor: float = 1.0

    def final_from(self, num_steps: int) -> int:
        """Return the first step of a run of `num_steps` that has the final size."""
        return num_steps - max(1, round(num_steps * FINAL_SHARE))

    def size_at(self, step: int, num_steps: int) -> Size:
        """Return the size of a step's images."""
        return self.final_hw if step >= self.final_from(num_steps) else self.early_hw

    def is_validation_due(self, step: int, num_steps: int) -> bool:
        """Return whether the validation images are due after so many steps."""
        before = (step - 1) * self.num_validations // num_steps
        return step * self.num_validations // num_steps > before


@dataclass(slots=True)
class StepTimer:
    """Measured seconds of a step at each size, and of a pass over the validation images."""

    recent_s: dict[Size, deque[float]] = field(default_factory=dict)
    first_s: dict[Size, list[float]] = field(default_factory=dict)
    validation_s: float = 0.0

    def add_step(self, size: Size, seconds: float) -> None:
        """Take a step's time in."""
        self.recent_s.setdefault(size, deque(maxlen=_RECENT_STEPS)).append(seconds)
        first = self.first_s.setdefault(size, [])
        if len(first) < _FIRST_STEPS:
            first.append(seconds)

    def best_s(self, size: Size) -> float:
        """Return the shortest step at a size: the first one also pays for set-up."""
        return min(self.recent_s[size])

    def step_s(self, size: Size) -> float | None:
        """Return the mean step at a size, None where there was none."""
        recent = self.recent_s.get(size)
        return None if recent is None else fmean(recent)

    def slowdown(self, size: Size) -> float:
        """Return how many times as long a step takes now as the first ones did."""
        first = self.first_s.get(size, [])
        return median(self.recent_s[size]) / median(first) if len(first) == _FIRST_STEPS else 1.0

    def steps_in_time(self, progress: RunProgress, step_plan: StepPlan) -> int:
        """Return the number of steps that end at the deadline; the present one if it nearly does."""
        early_s = self.step_s(step_plan.early_hw)
        if not step_plan.budget.limited or early_s is None:
            return progress.num_steps
        left = 1 - progress.step / progress.num_steps
        closing_s = step_plan.closing_s * self.slowdown(step_plan.early_hw)
        left_s = (
            step_plan.budget.left_s
            - closing_s
            - self.validation_s * step_plan.num_validations * left
        )
        final_s = self.step_s(step_plan.final_hw) or early_s * step_plan.final_factor
        if progress.step >= step_plan.final_from(progress.num_steps):
            # Longer than this, it would go back to the early size.
            longest = progress.step / (1 - FINAL_SHARE)
            fitting = min(progress.step + left_s / final_s, longest)
        else:
            mean_s = early_s * (1 - FINAL_SHARE) + final_s * FINAL_SHARE
            fitting = (left_s + early_s * progress.step) / mean_s
        remaining = progress.num_steps - progress.step
        if abs(fitting - progress.num_steps) <= max(1.0, _TOLERANCE * remaining):
            return progress.num_steps
        return max(progress.step, min(int(fitting), step_plan.most_steps))
