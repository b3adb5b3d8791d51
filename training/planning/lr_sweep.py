"""A learning-rate sweep: a short trial of each of a few rates, compared by validation loss."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from training.augmentation.batches import StepImages
from training.errors import DivergenceError
from training.finetuning.hyperparameters import Hyperparameters
from training.finetuning.loop import Trainer
from training.finetuning.step_plan import StepPlan
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.runtime.time_budget import TimeBudget

FACTORS: Final = (1 / 3, 1.0, 3.0)
# From random weights the highest rate nearly always looks best after a few steps, and ends worse (Wu et
# al. 2018, "Understanding short-horizon bias in stochastic meta-optimization"): only a lower one may win.
SCRATCH_FACTORS: Final = (1 / 3, 1.0)
# Of a run's steps, for each rate; shorter trials than the least say nothing.
SWEEP_SHARE: Final = 0.04
LEAST_STEPS: Final = 20


def sweep_steps(num_steps: int) -> int:
    """Return the steps of each trial, 0 where the run is too short to spare them."""
    steps = round(num_steps * SWEEP_SHARE)
    return steps if steps >= LEAST_STEPS else 0


def sweep_rates(
    network: TransferNetwork,
    images: StepImages,
    validation: ValidationImages,
    settings: Hyperparameters,
    step_plan: StepPlan,
    *,
    steps: int,
    factors: Sequence[float],
    on_trial: Callable[[float, float | None], None],
) -> float:
    """Return the rate with the lowest validation loss after a short run of its own.

    Args:
        network: left as it is; each trial trains a copy.
        images, validation, settings, step_plan: of the run to come.
        steps: of each trial.
        factors: what is tried, as multiples of the rate in `settings`.
        on_trial: called with each rate and its loss, None where it diverged.
    """
    short = replace(
        step_plan,
        num_steps=steps,
        most_steps=steps,
        num_validations=1,
        final_hw=step_plan.early_hw,
        budget=TimeBudget.starting_now(),
    )
    tried: list[tuple[float, float]] = []
    for factor in factors:
        rate = settings.learning_rate * factor
        trial = Trainer.begin(
            copy.deepcopy(network),
            images,
            validation,
            replace(settings, learning_rate=rate),
            step_plan=short,
        )
        try:
            trial.run()
        except DivergenceError:
            on_trial(rate, None)
            continue
        loss = trial.history[-1].val_loss
        on_trial(rate, loss)
        tried.append((loss, rate))
    return min(tried)[1] if tried else settings.learning_rate * min(factors)
