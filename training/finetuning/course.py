"""How long a run is, at which image sizes, and what it does when the clock says otherwise."""

import time
from dataclasses import dataclass, field
from typing import Final

from training.finetuning.schedule import Pace

# Touvron et al. 2019, "Fixing the train-test resolution discrepancy": most steps on small images, the
# last ones at the served size.
FINAL_SHARE: Final = 0.2
# A new length is set only where the old one would miss the deadline by this share of what is left.
_TOLERANCE: Final = 0.03
_SMOOTHING: Final = 0.2

Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is planned.

    Attributes:
        num_steps: optimiser steps.
        most_steps: what the data is worth, time aside; a run that turns out faster may grow to it.
        num_records: passes over the validation images, evenly spread, the last one at the end.
        early_hw: height and width of the training images in the first steps.
        final_hw: the same in the last fifth of the steps: the served model's input.
        deadline_s: `time.monotonic()` at which training is to be done, or None. A run that turns
            out slower gets fewer steps, one that turns out faster more.
    """

    num_steps: int
    most_steps: int
    num_records: int
    early_hw: Size
    final_hw: Size
    deadline_s: float | None

    def final_from(self, num_steps: int) -> int:
        """Return the first step of a run of `num_steps` that has the final size."""
        return num_steps - max(1, round(num_steps * FINAL_SHARE))

    def size_at(self, step: int, num_steps: int) -> Size:
        """Return the size of a step's images."""
        return self.final_hw if step >= self.final_from(num_steps) else self.early_hw

    def is_record(self, step: int, num_steps: int) -> bool:
        """Return whether the validation images are due after so many steps."""
        before = (step - 1) * self.num_records // num_steps
        return step * self.num_records // num_steps > before


@dataclass(slots=True)
class Clock:
    """Measured seconds of a step at each size, and of a pass over the validation images."""

    step_s: dict[Size, float] = field(default_factory=dict)
    shortest_s: dict[Size, float] = field(default_factory=dict)
    record_s: float = 0.0

    def saw_step(self, size: Size, seconds: float) -> None:
        """Take a step's time in."""
        self.shortest_s[size] = min(seconds, self.shortest_s.get(size, seconds))
        known = self.step_s.get(size)
        self.step_s[size] = seconds if known is None else known + _SMOOTHING * (seconds - known)

    def best_s(self, size: Size) -> float:
        """Return the shortest step at a size: the first one also pays for set-up."""
        return self.shortest_s[size]

    def fitting_steps(self, pace: Pace, course: Course) -> int:
        """Return the number of steps that end at the deadline; the present one if it nearly does."""
        if course.deadline_s is None or course.early_hw not in self.step_s:
            return pace.num_steps
        left = 1 - pace.step / pace.num_steps
        left_s = course.deadline_s - time.monotonic() - self.record_s * course.num_records * left
        early_s = self.step_s[course.early_hw]
        final_s = self.step_s.get(course.final_hw, early_s * _area_ratio(course))
        if pace.step >= course.final_from(pace.num_steps):
            # Longer, it would go back to the early size.
            fitting = min(pace.step + left_s / final_s, pace.num_steps)
        else:
            mean_s = early_s * (1 - FINAL_SHARE) + final_s * FINAL_SHARE
            fitting = (left_s + early_s * pace.step) / mean_s
        remaining = pace.num_steps - pace.step
        if abs(fitting - pace.num_steps) <= max(1.0, _TOLERANCE * remaining):
            return pace.num_steps
        return max(pace.step, min(int(fitting), course.most_steps))


def _area_ratio(course: Course) -> float:
    (early_h, early_w), (final_h, final_w) = course.early_hw, course.final_hw
    return (final_h * final_w) / (early_h * early_w)
