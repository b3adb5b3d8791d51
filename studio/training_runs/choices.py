"""How long to train: three choices, what each will take here, and what it will probably bring."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from studio.analysis.analysis_file import Analysis
from studio.analysis.reader import LabelledImages
from training.data.split import FOLDS_BELOW, MAX_FOLDS, SHARES

Choice = Literal["minute", "ten_minutes", "as_long_as_it_helps"]
CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)

OPTIONS: Final[Mapping[Choice, tuple[str, ...]]] = {
    "minute": ("--method", "probe"),
    "ten_minutes": ("--time-budget", "10m"),
    "as_long_as_it_helps": ("--method", "finetune"),
}
# Starting, export, the report: measured at some 25 s on two cores.
_FIXED_S: Final = 25.0
# Features of the images, of their mirror images, and the held-out ones again from raw bytes.
_FEATURE_PASSES: Final = 2.3
# A training step on an image against its features alone, as training plans with it.
_STEP_PASSES: Final = 3.0
# Of each network: its export, heads on it, and validations on the way.
_NETWORK_S: Final = 15.0
# Smaller precisions are tried, and measured.
_PRECISIONS_S: Final = 30.0
# As training plans them: 500 steps of 32 images, more for more images, 60 epochs at most.
_LEAST_STEPS: Final = 500
_STEPS_PER_ROOT: Final = 16.0
_LEAST_EPOCHS: Final = 3
_MOST_EPOCHS: Final = 60
_BATCH: Final = 32
# What a budget may add to a run that would end earlier.
_STRETCH: Final = 3
# With folds, networks are trained until so many images are held out.
_ENOUGH_VALIDATION_IMAGES: Final = 50
# The largest share of a first model's mistakes that training took away (docs/benchmarks/training-2026-11.md,
# cifar10: 72.4 % to 82.9 and 84.4; clothing: 86.7 to 88.7 and 88.0). The smallest is none.
_MISTAKES_LESS: Final[Mapping[Choice, float]] = {
    "minute": 0.0,
    "ten_minutes": 0.4,
    "as_long_as_it_helps": 0.45,
}
# On fewer images a share says little.
_ENOUGH_TO_SAY: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceEstimate:
    """A choice, the seconds that it will take here, and the accuracy 0..1 that it will probably reach.

    The accuracies are None where there is nothing to say them by.
    """

    choice: Choice
    seconds: float
    least_accuracy: float | None
    most_accuracy: float | None


def estimate_choices(images: LabelledImages) -> list[ChoiceEstimate]:
    """Return the three choices, roughly, from what looking at the folder took and found."""
    probe_s = _FIXED_S + _FEATURE_PASSES * images.analysis.embedding_s
    training_s = _training_s(images.analysis)
    # A budget makes one network's training longer, and that of a network for each fold not.
    stretched_s = training_s * (_STRETCH if _networks(images.analysis)[0] == 1 else 1)
    seconds: Mapping[Choice, float] = {
        "minute": probe_s,
        "ten_minutes": max(probe_s, min(600.0, probe_s + stretched_s)),
        "as_long_as_it_helps": probe_s + training_s,
    }
    known = _accuracy_of_a_probe(images)
    return [
        ChoiceEstimate(
            choice=choice,
            seconds=round(seconds[choice]),
            least_accuracy=known,
            most_accuracy=None if known is None else known + _MISTAKES_LESS[choice] * (1 - known),
        )
        for choice in CHOICES
    ]


def _training_s(analysis: Analysis) -> float:
    """Return what training takes until it has taken all steps that are of use."""
    num_images = max(1, len(analysis.images))
    networks, share = _networks(analysis)
    epoch_steps = share * num_images / _BATCH
    wanted = max(
        _LEAST_STEPS, _STEPS_PER_ROOT * (share * num_images) ** 0.5, _LEAST_EPOCHS * epoch_steps
    )
    steps = min(wanted, _MOST_EPOCHS * epoch_steps)
    step_s = _BATCH * _STEP_PASSES * analysis.embedding_s / num_images
    seconds: float = networks * (steps * step_s + _NETWORK_S) + _PRECISIONS_S
    return seconds


def _networks(analysis: Analysis) -> tuple[int, float]:
    """Return how many networks are trained, and the share of the images that each is trained on."""
    if any(image.split for image in analysis.images):
        in_training = np.mean([image.split in (None, "train") for image in analysis.images])
        return 1, max(0.1, float(in_training))
    counts = np.bincount([image.label for image in analysis.images], minlength=1)
    smallest = int(counts.min())
    if smallest >= FOLDS_BELOW:
        return 1, SHARES["train"]
    folds = max(2, min(MAX_FOLDS, smallest))
    of_fold = max(1.0, len(analysis.images) / folds)
    return min(folds, math.ceil(_ENOUGH_VALIDATION_IMAGES / of_fold)), 1 - 1 / folds


def _accuracy_of_a_probe(images: LabelledImages) -> float | None:
    """Return the share that probes named rightly, images that they had not seen, by the labels of now."""
    taking_part = images.current >= 0
    # Where labels could not be checked, every one has all confidence.
    if taking_part.sum() < _ENOUGH_TO_SAY or (images.analysis.confidence == 1).all():
        return None
    right = images.analysis.likeliest[taking_part] == images.current[taking_part]
    return float(right.mean())
