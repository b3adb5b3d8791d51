"""What is decided before the first step: how long, at which rate, and how much of the network."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from training.errors import OutOfTime
from training.finetuning.step_plan import Course, Size
from training.finetuning.task import TrainingTask
from training.planning.last_stages_plan import Tail, describe_tail, offer_tail
from training.planning.lr_sweep import FACTORS, SCRATCH_FACTORS, sweep_rates, sweep_steps
from training.planning.num_steps import (
    FEWEST_STEPS,
    Timing,
    describe_course,
    early_size,
    measure_times,
    plan_course,
    wanted_steps,
)
from training.runtime import distributed
from training.runtime.progress import Display


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is decided before the first step, and kept with it in a checkpoint.

    `tail` is the part of the network that is trained, None for all of it.
    """

    course: Course
    learning_rate: float
    notes: tuple[str, ...]
    tail: Tail | None = None

    def to_saved(self) -> dict[str, Any]:
        """Return plain values; the deadline as the seconds left, for clocks begin anew."""
        course = asdict(self.course)
        deadline_s = course.pop("deadline_s")
        left_s = None if deadline_s is None else deadline_s - time.monotonic()
        return {
            "course": course,
            "left_s": left_s,
            "learning_rate": self.learning_rate,
            "notes": list(self.notes),
            "tail": None if self.tail is None else asdict(self.tail),
        }

    @classmethod
    def from_saved(cls, saved: Mapping[str, Any]) -> "Plan":
        """Return the plan that `to_saved` was called of."""
        left_s = saved["left_s"]
        course = Course(
            **saved["course"], deadline_s=None if left_s is None else time.monotonic() + left_s
        )
        return cls(
            course=course,
            learning_rate=saved["learning_rate"],
            notes=tuple(saved["notes"]),
            tail=None if saved["tail"] is None else Tail(**saved["tail"]),
        )


def make_plan(task: TrainingTask, display: Display) -> Plan:
    """Measure, decide on the length and on how much is trained, and say what will be done.

    Raises:
        OutOfTime: the budget has no room for a few steps.
    """
    settings = task.settings()
    final_hw = task.backbone.spec.crop_hw
    early_hw = final_hw if task.scratch else early_size(task.start, final_hw)
    timing: Timing | None = None
    if task.deadline_s is not None or task.config.dry_run:
        timing = measure_times(
            task.start, task.images, task.validation, settings, early_hw=early_hw, final_hw=final_hw
        )
    timing = distributed.agree(timing)
    plan = _plan_whole(task, timing, early_hw, final_hw)
    if timing is not None and (
        offer := offer_tail(task, num_steps=plan.course.num_steps, val_image_s=timing.val_image_s)
    ):
        said = describe_tail(offer, task.images.images_per_step, task.images.num_images)
        plan = replace(plan, course=offer.course, tail=offer.tail, notes=(said,))
    if plan.course.num_steps < min(FEWEST_STEPS, plan.course.most_steps):
        raise OutOfTime
    display.line(
        f"plan: {plan.notes[0]}, on {settings.device}" + " in bfloat16" * settings.half_precision
    )
    return plan


def _plan_whole(task: TrainingTask, timing: Timing | None, early_hw: Size, final_hw: Size) -> Plan:
    """Plan to train all of the network."""
    images = task.images
    wanted = wanted_steps(images.num_images, images.images_per_step, scratch=task.scratch)
    if task.config.epochs is not None:
        wanted = max(1, round(task.config.epochs * images.num_images / images.images_per_step))
    course = plan_course(
        wanted,
        timing,
        len(task.validation.rows),
        early_hw=early_hw,
        final_hw=final_hw,
        deadline_s=task.deadline_s,
        after_s=task.after_s,
        fixed=task.config.epochs is not None or not task.stretched,
    )
    said = describe_course(course, timing, images.images_per_step, images.num_images)
    return Plan(
        course=distributed.agree(course),
        learning_rate=task.settings().learning_rate,
        notes=(said,),
    )


def with_swept_rate(task: TrainingTask, plan: Plan, display: Display) -> Plan:
    """Try a few rates where none was given and the run is long enough to spare the steps."""
    steps = sweep_steps(plan.course.num_steps)
    if task.config.learning_rate is not None or task.config.epochs is not None or not steps:
        return plan
    notes: list[str] = []

    def on_trial(rate: float, loss: float | None) -> None:
        outcome = "diverged" if loss is None else f"validation loss {loss:.3f}"
        notes.append(f"rate {rate:.2g} for {steps} steps: {outcome}")
        display.line(f"  {notes[-1]}")

    began = time.monotonic()
    settings, validation = task.settings(), task.validation
    rate = sweep_rates(
        task.start,
        task.images,
        validation,
        settings,
        plan.course,
        steps=steps,
        factors=SCRATCH_FACTORS if task.scratch else FACTORS,
        on_trial=on_trial,
    )
    course = plan.course
    if course.deadline_s is not None:
        # The trials were paid for with the run's own time.
        ends_s = course.deadline_s - course.closing_s
        share = (time.monotonic() - began) / max(1e-6, ends_s - began)
        left = max(1, round(course.num_steps * max(0.0, 1 - share)))
        course = replace(course, num_steps=distributed.agree(left))
    return replace(
        plan, course=course, learning_rate=distributed.agree(rate), notes=(*plan.notes, *notes)
    )
