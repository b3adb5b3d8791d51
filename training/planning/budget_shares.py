"""How a time budget is divided: among the stages of a run by what they cost, measured, and within training.

The clock is `training.runtime.time_budget`. What is kept for the stages after training is in
`StageCosts`; what is left goes to steps and to evaluations on validation images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from inference.manifest import Precision
from training.config import FinetuneConfig
from training.data.split import Dataset
from training.planning.precision_costs import PrecisionCosts
from training.planning.search_time import SearchTime
from training.probing.features import Features
from training.runtime.time_budget import TimeBudget

# Reading the file back, calibrating, the report: measured at 4 s for a thousand images.
_FIXED_S: Final = 5.0
_SLACK: Final = 1.15
# PyTorch is slower than ONNX Runtime on a CPU by about this factor.
_TORCH_FACTOR: Final = 4.0
# A step on an image takes about so many times as long as its features.
_STEP_FACTOR: Final = 3
# What planning measures, three steps at each of two sizes, takes as long as so many of the smaller ones.
_MEASURED_STEPS: Final = 13
# Of these, what follows trying other precisions.
_PUBLISHING_S: Final = 3.0
# Fewer change too little to be worth the export and the measuring that follow them.
FEWEST_STEPS: Final = 10
MOST_VALIDATIONS: Final = 10
# The share of the training time that may go into evaluating the validation images.
_VALIDATION_SHARE: Final = 0.08
# The share of it that may go into activations of a frozen part. The rest is for the steps.
CACHING_SHARE: Final = 0.5
# The share of a run that may go into trying backbones: with fine-tuning after it, and without.
_CHOICE_SHARE: Final = 0.25
_CHOICE_SHARE_OF_A_PROBE: Final = 0.6
# When the last step is taken, three more sets of weights are evaluated on the validation images, and one
# again beside its exported file.
_CLOSING_PASSES: Final = 4


def steps_and_validations(
    training_s: float, *, step_s: float, validation_s: float
) -> tuple[int, int]:
    """Return how many steps fit into the training time, and how many evaluations beside them.

    Args:
        training_s: seconds from the first step to the last.
        step_s: the mean step.
        validation_s: one evaluation of all validation images.
    """
    wanted = _VALIDATION_SHARE * training_s / max(validation_s, 1e-6)
    num_validations = int(np.clip(wanted, 1, MOST_VALIDATIONS))
    return int((training_s - num_validations * validation_s) / step_s), num_validations


def closing_s(val_image_s: float, num_validation: int) -> float:
    """Return the seconds that the validation images will take after the last step."""
    return _CLOSING_PASSES * val_image_s * num_validation


def choice_budget(budget: TimeBudget, *, trains: bool) -> TimeBudget:
    """Return the part of a budget that choosing a backbone may take from now on."""
    share_s = (_CHOICE_SHARE if trains else _CHOICE_SHARE_OF_A_PROBE) * budget.total_s
    return replace(budget, total_s=min(budget.elapsed_s + share_s, budget.total_s))


@dataclass(slots=True, kw_only=True)
class StageCosts:
    """Measured seconds of what will be done again after training, and the budget that it comes out of."""

    budget: TimeBudget
    export_s: float = 0.0
    features_s: float = 0.0
    probe_s: float = 0.0
    flipped_s: float = 0.0
    heads_s: float = 0.0
    images: int = 0
    # A run without fine-tuning would have had the time for flipped images: so has the longer one.
    keeps_flips: bool = False

    def saw(self, features: Features | None) -> None:
        """Take in what export and features took, where there were any."""
        if features is None:
            return
        self.export_s, self.features_s = features.export_s, features.embedding_s
        self.images = len(features.embeddings)

    def precisions(self, dataset: Dataset) -> PrecisionCosts:
        """Return what trying other precisions will take."""
        return PrecisionCosts(image_s=self.feature_s, dataset=dataset)

    def search_time(self, asked: Sequence[Precision], dataset: Dataset) -> SearchTime:
        """Return what there is for other precisions, before the model is checked and published."""
        costs = self.precisions(dataset)
        num_answered = len(dataset.splits["val"]) + len(dataset.splits["test"])
        publishing_s = _PUBLISHING_S + _SLACK * self.feature_s * num_answered
        return SearchTime(
            seconds_left=lambda: self.budget.left_s - publishing_s,
            needed_s={precision: costs.seconds(precision) for precision in asked},
            refit_s=costs.refit_s,
        )

    @property
    def feature_s(self) -> float:
        """Seconds of one image's features."""
        return self.features_s / max(1, self.images)

    @property
    def mean_s(self) -> float:
        """Seconds until the mean of several networks is exported and has its features."""
        return _SLACK * (self.export_s + self.features_s)

    def reserve_s(
        self, dataset: Dataset, *, precisions: Sequence[Precision] = (), flipped: bool = True
    ) -> float:
        """Return the seconds that export and measuring will take, and other `precisions`.

        With the features of flipped images or without. Less what PyTorch will
        do with the validation images: that is known only when a step is timed
        (`closing_s`).
        """
        image_s = self.feature_s
        num_val, num_test = len(dataset.splits["val"]), len(dataset.splits["test"])
        # What ONNX Runtime is fed from raw bytes.
        passes_s = image_s * (num_val + num_test)
        # Classes are left out in turn with about as many heads as values of C were tried.
        again_s = self.export_s + self.features_s + self.probe_s + self.heads_s
        again_s += self.flipped_s * flipped
        others_s = self.precisions(dataset).total_s(precisions)
        return _FIXED_S + _SLACK * (again_s + passes_s) + others_s

    def finish_s(self, dataset: Dataset) -> float:
        """Return the seconds that checking, measuring and publishing a fitted model will take."""
        image_s = self.feature_s
        num_val, num_test = len(dataset.splits["val"]), len(dataset.splits["test"])
        passes_s = image_s * (num_val * (_TORCH_FACTOR + 1) + num_test)
        return _FIXED_S + _SLACK * (self.heads_s + passes_s)

    def has_time_to_train(self, config: FinetuneConfig, dataset: Dataset) -> bool:
        """Whether there may be room for a few steps, by what the network's features took."""
        planning_s = _MEASURED_STEPS * self._step_s(config)
        least_s = min(self._few_steps_s(config, dataset), self._few_tail_steps_s(config, dataset))
        return self.budget.aim().has(planning_s + least_s + self._least_reserve_s(config, dataset))

    def has_time_again(self, seconds: float, config: FinetuneConfig, dataset: Dataset) -> bool:
        """Whether training once more, which took some seconds, leaves time for what follows."""
        return self.budget.aim().has(_SLACK * seconds + self._least_reserve_s(config, dataset))

    def after_s(self, config: FinetuneConfig, dataset: Dataset) -> float:
        """Return the seconds that follow training and the choice among its weights.

        Flipped images are left out of them where there is no time otherwise, unless they are to be kept.
        """
        full_s = self.reserve_s(dataset, precisions=config.precisions)
        if self.keeps_flips or self.budget.aim().has(self._few_steps_s(config, dataset) + full_s):
            return full_s
        return self._least_reserve_s(config, dataset)

    def _least_reserve_s(self, config: FinetuneConfig, dataset: Dataset) -> float:
        return self.reserve_s(dataset, precisions=config.precisions, flipped=self.keeps_flips)

    def _few_steps_s(self, config: FinetuneConfig, dataset: Dataset) -> float:
        """Return what a few steps of the whole network take, and choosing among its weights."""
        closing = closing_s(_TORCH_FACTOR * self.feature_s, len(dataset.splits["val"]))
        return FEWEST_STEPS * self._step_s(config) + closing

    def _step_s(self, config: FinetuneConfig) -> float:
        return _STEP_FACTOR * config.batch_size * self.feature_s

    def _few_tail_steps_s(self, config: FinetuneConfig, dataset: Dataset) -> float:
        """Return the same for its last stages, which are given one view of each image."""
        num_train, num_val = len(dataset.splits["train"]), len(dataset.splits["val"])
        steps_s = FEWEST_STEPS * config.batch_size * self.feature_s
        kept_s = self.export_s + (num_train + num_val) * self.feature_s
        return steps_s + kept_s + _TORCH_FACTOR * self.feature_s * num_val
