"""What is decided before the first step: how long, at which rate, and how much of the network."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from training.errors import NoTimeToTrain
from training.finetuning.step_plan import Size, StepPlan
from training.finetuning.task import TrainingTask
from training.planning.budget_shares import FEWEST_STEPS
from training.planning.last_stages_plan import LastStages, describe_last_stages, plan_last_stages
from training.planning.lr_sweep import FACTORS, SCRATCH_FACTORS, sweep_rates, sweep_steps
from training.planning.num_steps import (
    StepTimes,
    describe_steps,
    early_size,
    measure_times,
    plan_steps,
    wanted_steps,
)
from training.runtime import distributed
from training.runtime.progress import Display
from training.runtime.time_budget import TimeBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is decided before the first step, and kept with it in a checkpoint.

    `last_stages` is the part of the network that is trained, None for all of it.
    """

    step_plan: StepPlan
    learning_rate: float
    notes: tuple[str, ...]
    last_stages: LastStages | None = None

    def to_saved(self) -> dict[str, Any]:
        """Return plain values; the budget as the seconds left, for clocks begin anew."""
        step_plan = asdict(self.step_plan)
        del step_plan["budget"]
        return {
            "step_plan": step_plan,
            "left_s": self.step_plan.budget.left_s,
            "learning_rate": self.learning_rate,
            "notes": list(self.notes),
            "last_stages": None if self.last_stages is None else asdict(self.last_stages),
        }

    @classmethod
    def from_saved(cls, saved: Mapping[str, Any]) -> "Plan":
        """Return the plan that `to_saved` was called of."""
        budget = TimeBudget.starting_now(saved["left_s"])
        step_plan = StepPlan(**saved["step_plan"], budget=budget)
        return cls(
            step_plan=step_plan,
            learning_rate=saved["learning_rate"],
            notes=tuple(saved["notes"]),
            last_stages=None
            if saved["last_stages"] is None
            else LastStages(**saved["last_stages"]),
        )


def make_plan(task: TrainingTask, display: Display) -> Plan:
    """Measure, decide on the length and on how much is trained, and say what will be done.

    Raises:
        NoTimeToTrain: the budget has no room for a few steps.
    """
    settings = task.settings
    final_hw = task.backbone.spec.crop_hw
    early_hw = final_hw if task.scratch else early_size(task.start, final_hw)
    step_times: StepTimes | None = None
    if task.budget.limited or task.config.dry_run:
        step_times = measure_times(
            task.start, task.images, task.validation, settings, early_hw=early_hw, final_hw=final_hw
        )
    step_times = distributed.broadcast(step_times)
    plan = _plan_whole(task, step_times, early_hw, final_hw)
    if step_times is not None and (
        option := plan_last_stages(
            task, num_steps=plan.step_plan.num_steps, val_image_s=step_times.val_image_s
        )
    ):
        said = describe_last_stages(option, task.images.images_per_step, task.images.num_images)
        plan = replace(
            plan, step_plan=option.step_plan, last_stages=option.last_stages, notes=(said,)
        )
    if plan.step_plan.num_steps < min(FEWEST_STEPS, plan.step_plan.most_steps):
        raise NoTimeToTrain
    display.line(
        f"plan: {plan.notes[0]}, on {settings.device}" + " in bfloat16" * settings.half_precision
    )
    if plan.step_plan.num_steps < FEWEST_STEPS:
        display.line(
            "  so few steps have no warm-up: the loss may jump; validation images decide what is published"
        )
    return plan


def _plan_whole(
    task: TrainingTask, step_times: StepTimes | None, early_hw: Size, final_hw: Size
) -> Plan:
    """Plan to train all of the network."""
    images = task.images
    wanted = wanted_steps(images.num_images, images.images_per_step, scratch=task.scratch)
    if task.config.epochs is not None:
        wanted = max(1, round(task.config.epochs * images.num_images / images.images_per_step))
    step_plan = plan_steps(
        wanted,
        step_times,
        len(task.validation.rows),
        early_hw=early_hw,
        final_hw=final_hw,
        budget=task.budget,
        after_s=task.after_s,
        fixed=task.config.epochs is not None or not task.stretched,
    )
    said = describe_steps(step_plan, step_times, images.images_per_step, images.num_images)
    return Plan(
        step_plan=distributed.broadcast(step_plan),
        learning_rate=task.settings.learning_rate,
        notes=(said,),
    )


def with_swept_rate(task: TrainingTask, plan: Plan, display: Display) -> Plan:
    """Try a few learning rates where none was given and the run is long enough to spare the steps."""
    steps = sweep_steps(plan.step_plan.num_steps)
    if task.config.learning_rate is not None or task.config.epochs is not None or not steps:
        return plan
    notes: list[str] = []

    def on_trial(rate: float, loss: float | None) -> None:
        outcome = "diverged" if loss is None else f"validation loss {loss:.3f}"
        notes.append(f"learning rate {rate:.2g} for {steps} steps: {outcome}")
        display.line(f"  {notes[-1]}")

    budget = plan.step_plan.budget.less(plan.step_plan.closing_s)
    before_s = budget.left_s
    settings, validation = task.settings, task.validation
    rate = sweep_rates(
        task.start,
        task.images,
        validation,
        settings,
        plan.step_plan,
        steps=steps,
        factors=SCRATCH_FACTORS if task.scratch else FACTORS,
        on_trial=on_trial,
    )
    step_plan = plan.step_plan
    if step_plan.budget.limited:
        # The trials were paid for with the run's own time.
        share = (before_s - budget.left_s) / max(1e-6, before_s)
        left = max(1, round(step_plan.num_steps * max(0.0, 1 - share)))
        step_plan = replace(step_plan, num_steps=distributed.broadcast(left))
    return replace(
        plan,
        step_plan=step_plan,
        learning_rate=distributed.broadcast(rate),
        notes=(*plan.notes, *notes),
    )
