"""How many steps a run gets: from the size of the data, and from measured times where time is short."""

import copy
from dataclasses import dataclass
from typing import Final

import torch

from training.augmentation.batches import StepImages
from training.finetuning.cuda_graph import WARMUP_STEPS
from training.finetuning.hyperparameters import Hyperparameters
from training.finetuning.loop import Trainer
from training.finetuning.step_plan import FINAL_SHARE, Size, StepPlan
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.planning.budget_shares import MOST_VALIDATIONS, closing_s, steps_and_validations
from training.runtime.time_budget import TimeBudget

# Kolesnikov et al. 2020, "Big Transfer", choose the length by the size of the data, too: 500 steps
# below 20,000 images at batches of 512. Batches here are small, so larger data needs more of them.
_LEAST_STEPS: Final = 500
_STEPS_PER_ROOT: Final = 16
_LEAST_EPOCHS: Final = 3
_MOST_EPOCHS: Final = 60
# From random weights there is everything to learn.
_SCRATCH_STEPS: Final = 3000
_SCRATCH_EPOCHS: Final = 30
# What a budget may add to a run that would end earlier.
_STRETCH: Final = 3
# Early steps see images of this share of the served side, a multiple of 32 px.
_EARLY_SHARE: Final = 0.58
_SMALLEST_PX: Final = 96
_TIMED_STEPS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimes:
    """Measured seconds: of a step at each size, and of one validation image at the final size."""

    early_step_s: float
    final_step_s: float
    val_image_s: float

    def mean_step_s(self) -> float:
        """Return a step's mean time over a run."""
        return self.early_step_s * (1 - FINAL_SHARE) + self.final_step_s * FINAL_SHARE


def wanted_steps(num_images: int, images_per_step: int, *, scratch: bool) -> int:
    """Return how many steps are enough for a data set, time aside."""
    epoch_steps = num_images / images_per_step
    if scratch:
        return round(max(_SCRATCH_STEPS, _SCRATCH_EPOCHS * epoch_steps))
    enough: float = max(
        _LEAST_STEPS, _STEPS_PER_ROOT * num_images**0.5, _LEAST_EPOCHS * epoch_steps
    )
    return max(1, round(min(enough, _MOST_EPOCHS * epoch_steps)))


def early_size(network: TransferNetwork, final_hw: Size) -> Size:
    """Return the size of the early steps' images: smaller, where the network takes another size."""
    side = min(final_hw)
    early = max(_SMALLEST_PX, round(side * _EARLY_SHARE / 32) * 32)
    if early >= side:
        return final_hw
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, 3, early, early, dtype=torch.uint8))
    except (AssertionError, RuntimeError, ValueError):  # position embeddings of one size
        return final_hw
    return early, early


def measure_times(
    network: TransferNetwork,
    images: StepImages,
    validation: ValidationImages,
    settings: Hyperparameters,
    *,
    early_hw: Size,
    final_hw: Size,
) -> StepTimes:
    """Take a few steps with a copy of the network, and evaluate a few validation images."""
    few = slice(0, images.images_per_step)
    seen = ValidationImages(
        pixels=validation.pixels, rows=validation.rows[few], targets=validation.targets[few]
    )
    # A GPU's first steps are not yet replayed from a CUDA graph.
    untimed = 1 + (WARMUP_STEPS if settings.device.type == "cuda" else 0)
    num_steps = untimed + _TIMED_STEPS
    steps: dict[Size, float] = {}
    per_image_s = 0.0
    for size in {early_hw, final_hw}:
        step_plan = StepPlan(
            num_steps=num_steps,
            most_steps=num_steps,
            num_validations=1,
            early_hw=size,
            final_hw=size,
            budget=TimeBudget.starting_now(),
        )
        trial = Trainer.begin(copy.deepcopy(network), images, seen, settings, step_plan=step_plan)
        trial.run()
        steps[size] = trial.timer.best_s(size)
        per_image_s = max(per_image_s, trial.timer.validation_s / len(seen.rows))
    return StepTimes(
        early_step_s=steps[early_hw], final_step_s=steps[final_hw], val_image_s=per_image_s
    )


def plan_steps(
    wanted: int,
    step_times: StepTimes | None,
    num_validation: int,
    *,
    early_hw: Size,
    final_hw: Size,
    budget: TimeBudget,
    after_s: float,
    fixed: bool,
) -> StepPlan:
    """Return the plan that fits.

    Args:
        wanted: steps that are enough for the data.
        step_times: needed where the budget is limited.
        num_validation: the number of validation images.
        early_hw, final_hw: the sizes of the training images.
        budget: in which all is to be done.
        after_s: what follows when the last validation image has been answered.
        fixed: whether `wanted` was asked for by the user, and more is not wanted.
    """
    num_steps, most_steps, records = wanted, wanted, MOST_VALIDATIONS
    closing, final_factor = 0.0, 1.0
    if budget.limited:
        assert step_times is not None
        final_factor = step_times.final_step_s / step_times.early_step_s
        closing = after_s + closing_s(step_times.val_image_s, num_validation)
        fitting, records = steps_and_validations(
            max(0.0, budget.left_s - closing),
            step_s=step_times.mean_step_s(),
            validation_s=step_times.val_image_s * num_validation,
        )
        most_steps = wanted if fixed else _STRETCH * wanted
        num_steps = max(1, min(fitting, most_steps))
    return StepPlan(
        num_steps=num_steps,
        most_steps=most_steps,
        num_validations=min(records, num_steps),
        early_hw=early_hw,
        final_hw=final_hw,
        budget=budget,
        closing_s=closing,
        final_factor=final_factor,
    )


def describe_steps(
    step_plan: StepPlan, step_times: StepTimes | None, images_per_step: int, total: int
) -> str:
    """Return the plan in words."""
    epochs = step_plan.num_steps * images_per_step / total
    sizes = f"{step_plan.final_hw[0]} px"
    if step_plan.early_hw != step_plan.final_hw:
        sizes = f"{step_plan.early_hw[0]} px, the last fifth at {step_plan.final_hw[0]} px"
    text = (
        f"{step_plan.num_steps} steps, batch size {images_per_step}, {epochs:.1f} epochs, {sizes}"
    )
    if step_times is not None:
        minutes = step_plan.num_steps * step_times.mean_step_s() / 60
        text += f", about {minutes:.1f} min at {images_per_step / step_times.mean_step_s():.0f} images/s"
    return text
