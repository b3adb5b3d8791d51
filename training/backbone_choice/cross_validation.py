"""How well a linear probe on a backbone does, on images that its head was not fitted on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.assessment.calibration import fit_temperature
from training.assessment.nll import nll_per_image
from training.data.class_weights import is_imbalanced
from training.data.scan import ScannedImage
from training.data.split import MAX_FOLDS, Dataset, assign_folds
from training.errors import DataError
from training.probing.probe import C_GRID, cross_validate_grid
from training.runtime.arrays import Doubles, Floats, Integers

# More would take long and tell little: of so many, accuracy is known to a point.
_MOST_IMAGES: Final = 2000
# Who is clearly behind is seen on so many.
_MOST_AT_FIRST: Final = 400
# A third of fewer would tell nothing.
_FEWEST_FOR_A_THIRD: Final = 300
# Which images share a fold is chance; over several divisions its part in the result averages out. Of few
# images that part is large, and a division costs little.
_FEWEST_DIVISIONS: Final = 3
_MOST_DIVISIONS: Final = 20
_ANSWERS: Final = 2000
# Half of the probe's: the loss is flat about its lowest point, and all candidates are treated alike.
_C_GRID: Final = C_GRID[::2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceImages:
    """The images that backbones are compared on: training and validation images, never a test image.

    Attributes:
        images: N of them.
        targets: their classes (N,), 0 to K - 1.
        divisions: the fold of each, (N,), in one division of the images after the other; in the first one
            every class is in two folds or more.
        balanced: whether the classes are weighed by the inverse of their size.
    """

    images: tuple[ScannedImage, ...]
    targets: Integers
    divisions: tuple[Integers, ...]
    balanced: bool

    def __len__(self) -> int:
        return len(self.images)

    def first_part(self) -> Integers | None:
        """Return a third of the positions, (M,), or 400; each class has its folds. None of few images."""
        if len(self) < _FEWEST_FOR_A_THIRD:
            return None
        share = min(1 / 3, _MOST_AT_FIRST / len(self))
        return _part_of_each(self.targets, self.divisions[0], share=share)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """A backbone's out-of-fold answers on M images.

    Attributes:
        correct: how often each was right, 0..1, over the divisions into folds (M,).
        losses: its mean loss in nats (M,).
        C: the probe's inverse regularisation strength, chosen by the loss.
    """

    correct: Doubles
    losses: Doubles
    C: float

    @property
    def num_right(self) -> int:
        """How many are right, on average over the divisions."""
        return round(float(self.correct.sum()))

    @property
    def accuracy(self) -> float:
        """Share of right ones, 0..1."""
        return float(self.correct.mean())

    @property
    def nll(self) -> float:
        """Mean loss in nats, at the best temperature."""
        return float(self.losses.mean())


def images_to_compare_on(dataset: Dataset, groups: Integers, *, seed: int) -> ChoiceImages:
    """Return all training and validation images, divided into folds several times; of very many a part.

    `groups` says by row which images belong together and stay in one fold. A class whose images all
    belong together takes no part.

    Raises:
        DataError: fewer than two classes are left.
    """
    balanced = is_imbalanced(dataset)
    if dataset.folds is not None:
        images, folds = dataset.splits["train"], dataset.folds
    else:
        images = (*dataset.splits["train"], *dataset.splits["val"])
        images = _in_several(images, [int(groups[image.row]) for image in images])
        folds = assign_folds(images, groups, seed=seed) if images else np.zeros(0, dtype=np.int64)
    fold_of = {image.row: int(fold) for image, fold in zip(images, folds, strict=True)}
    images = _in_several(images, list(fold_of.values()))
    folds = np.array([fold_of[image.row] for image in images], dtype=np.int64)
    names, targets = np.unique([image.file.label for image in images], return_inverse=True)
    if len(names) < 2:
        raise DataError(
            "a backbone cannot be chosen by so few different images; add some, or name one with --backbone"
        )
    if len(images) > _MOST_IMAGES:
        kept = _part_of_each(targets, folds, share=_MOST_IMAGES / len(images))
        images, folds, targets = tuple(images[i] for i in kept), folds[kept], targets[kept]
    seeds = range(seed + 1, seed + num_divisions(len(images)))
    others = (assign_folds(images, groups, seed=other) for other in seeds)
    return ChoiceImages(
        images=images, targets=targets, divisions=(folds, *others), balanced=balanced
    )


def num_divisions(num_images: int) -> int:
    """Return how many times so many images are divided into folds."""
    return max(_FEWEST_DIVISIONS, min(_MOST_DIVISIONS, _ANSWERS // num_images))


def cross_validate(embeddings: Floats, images: ChoiceImages, positions: Integers) -> Answers:
    """Return a probe's out-of-fold answers on the images at `positions` (M,); embeddings (M, D).

    C is chosen by the first division into folds.
    """
    targets = images.targets[positions]
    grid: Sequence[float] = _C_GRID
    correct, losses = [], []
    for division in images.divisions:
        folds = division[positions]
        if not _every_class_in_two(targets, folds):
            continue
        trials, best = cross_validate_grid(
            embeddings, targets, folds, balanced=images.balanced, grid=grid
        )
        logits, grid = trials[best].logits, (trials[best].C,)
        correct.append(logits.argmax(axis=1) == targets)
        losses.append(nll_per_image(logits, targets, temperature=fit_temperature(logits, targets)))
    return Answers(correct=np.mean(correct, axis=0), losses=np.mean(losses, axis=0), C=grid[0])


def _every_class_in_two(targets: Integers, folds: Integers) -> bool:
    """Whether no fold holds all images of a class; of a part of the images it may."""
    num_cells = Counter(
        target for target, _ in set(zip(targets.tolist(), folds.tolist(), strict=True))
    )
    return all(count > 1 for count in num_cells.values())


def _in_several(images: Sequence[ScannedImage], parts: Sequence[int]) -> tuple[ScannedImage, ...]:
    """Return the images of the classes that have some in two parts (groups, folds) or more."""
    parts_of: dict[str, set[int]] = {}
    for image, part in zip(images, parts, strict=True):
        parts_of.setdefault(image.file.label, set()).add(part)
    return tuple(image for image in images if len(parts_of[image.file.label]) > 1)


def _part_of_each(targets: Integers, folds: Integers, *, share: float) -> Integers:
    """Return a share of each class in each fold, one at least: positions (M,), in order.

    Drawn, since images that follow each other in a folder may be alike; always the same ones.
    """
    kept: list[int] = []
    rng = np.random.default_rng(0)
    for cell in np.unique(targets * MAX_FOLDS + folds):
        positions = rng.permutation(np.flatnonzero(targets * MAX_FOLDS + folds == cell))
        kept.extend(positions[: int(np.ceil(share * len(positions)))].tolist())
    return np.array(sorted(kept), dtype=np.int64)
