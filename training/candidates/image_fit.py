"""Whether wide and tall photos are better cropped, padded or squashed: the probe, cross-validated on each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.preprocessing import Fit
from training.assessment.calibration import fit_temperature
from training.assessment.nll import nll_per_image
from training.data.scan import ScannedImage
from training.data.split import Dataset, assign_folds
from training.probing.probe import C_GRID, cross_validate_probe
from training.runtime.arrays import Doubles, Floats, Integers

# A photo of 4:3 is longer, one of 5:4 is not: the square in its middle leaves out a fifth.
LONG_ASPECT: Final = 1.25
# Of the images. Where fewer are long, the fit is about few answers, and comparing costs as much.
ENOUGH_LONG: Final = 0.1
# More would move an accuracy by little, and each is decoded and looked at twice again.
_MAX_IMAGES: Final = 1_000
_MIN_PER_CLASS: Final = 20
# Each fit has a C of its own: where a crop shows nothing, its best C is no other's. Half of them do.
_C_GRID: Final = C_GRID[::2]
# The default is left for what is better by more than chance.
_STANDARD_ERRORS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSample:
    """The images that fits are compared on: `images` (M) of classes `targets` (M,) in `folds` (M,)."""

    images: tuple[ScannedImage, ...]
    targets: Integers
    folds: Integers

    @property
    def rows(self) -> Integers:
        """Where the images lie among all that were scanned, (M,)."""
        return np.array([image.row for image in self.images], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitTrial:
    """A fit and what heads made of images that they were not fitted on.

    `accuracy` is 0..1, `losses` (M,) of each image in nats, at the best temperature.
    """

    fit: Fit
    accuracy: float
    losses: Doubles

    @property
    def nll(self) -> float:
        """The mean loss, in nats."""
        return float(self.losses.mean())

    def beats(self, other: "FitTrial") -> bool:
        """Whether it is better by more than chance, and no less accurate."""
        gains = other.losses - self.losses
        error = float(gains.std() / np.sqrt(len(gains)))
        return bool(gains.mean() > _STANDARD_ERRORS * error and self.accuracy >= other.accuracy)

    def describe(self) -> str:
        """Return such as "pad 87.1 % (loss 0.412)"."""
        return f"{self.fit} {100 * self.accuracy:.1f} % (loss {self.nll:.3f})"


def share_of_long(images: Sequence[ScannedImage]) -> float:
    """Return the share, 0..1, of images that are wider or taller than 5:4."""
    sides = [(image.facts.width_px, image.facts.height_px) for image in images]
    return sum(max(side) > LONG_ASPECT * min(side) for side in sides) / max(1, len(sides))


def draw_sample(dataset: Dataset, groups: Integers, *, seed: int) -> FitSample | None:
    """Draw from the images that the published head may see, each class by its share.

    Args:
        dataset: with its splits.
        groups: the group of each scanned image, by its row; a group is in one fold.
        seed: of the draw.

    Returns:
        The sample; None where a class cannot be parted.
    """
    splits = [dataset.splits["train"]]
    if dataset.folds is None and not dataset.given_val:
        splits.append(dataset.splits["val"])
    images = [image for split in splits for image in split]
    number = {label: index for index, label in enumerate(dataset.labels)}
    targets = np.array([number[image.file.label] for image in images], dtype=np.int64)
    chosen = _stratified(targets, seed=seed)
    images, targets = [images[place] for place in chosen], targets[chosen]
    of_images = groups[[image.row for image in images]]
    fewest = min(len(np.unique(of_images[targets == target])) for target in np.unique(targets))
    if fewest < 2:
        return None
    folds = assign_folds(images, groups, seed=seed)
    return FitSample(images=tuple(images), targets=targets, folds=folds)


def cross_validate_fits(
    embeddings: Mapping[Fit, Floats], sample: FitSample, *, balanced: bool
) -> list[FitTrial]:
    """Return what probes make of the sample by each fit; embeddings are (M, D)."""
    return [
        _cross_validated(fit, of_fit, sample, balanced=balanced)
        for fit, of_fit in embeddings.items()
    ]


def best_fit(trials: Sequence[FitTrial]) -> FitTrial:
    """Return the first of the trials, or the one of lowest loss where that beats it."""
    best = min(trials, key=lambda trial: trial.nll)
    return best if best.beats(trials[0]) else trials[0]


def _stratified(targets: Integers, *, seed: int) -> Integers:
    """Return the places of the images that are drawn, in order."""
    rng = np.random.default_rng(seed)
    share = min(1.0, _MAX_IMAGES / len(targets))
    drawn = []
    for target in np.unique(targets):
        places = np.flatnonzero(targets == target)
        count = min(len(places), max(_MIN_PER_CLASS, round(share * len(places))))
        drawn.append(rng.permutation(places)[:count])
    return np.sort(np.concatenate(drawn))


def _cross_validated(
    fit: Fit, embeddings: Floats, sample: FitSample, *, balanced: bool
) -> FitTrial:
    probe = cross_validate_probe(
        embeddings, sample.targets, sample.folds, balanced=balanced, grid=_C_GRID
    )
    logits = probe.chosen.logits
    temperature = fit_temperature(logits, sample.targets)
    return FitTrial(
        fit=fit,
        accuracy=probe.chosen.accuracy,
        losses=nll_per_image(logits, sample.targets, temperature=temperature),
    )
