"""Training and validation images together, in folds: what two ways of fitting are compared on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.data.scan import ScannedImage
from training.data.split import Dataset, assign_folds
from training.runtime.arrays import Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImages:
    """Images by their `ScannedImage.row`, with their classes and folds, each (M,).

    The fold is -1 of a class whose images all belong together: they are never held out.
    """

    rows: Integers
    targets: Integers
    folds: Integers

    @classmethod
    def of(cls, dataset: Dataset, groups: Integers, *, seed: int) -> "LabelledImages":
        """Return those of a data set, in its own folds or in new ones of the `seed`.

        `groups` says by row which images belong together and stay in one fold.
        """
        images: Sequence[ScannedImage] = dataset.splits["train"]
        targets = dataset.targets("train")
        if dataset.folds is None:
            images = (*images, *dataset.splits["val"])
            targets = np.concatenate([targets, dataset.targets("val")])
        rows = np.array([image.row for image in images], dtype=np.int64)
        folds = dataset.folds
        if folds is None:
            folds = _folds(images, targets, groups, seed)
        return cls(rows=rows, targets=targets, folds=folds)


def _folds(
    images: Sequence[ScannedImage], targets: Integers, groups: Integers, seed: int
) -> Integers:
    group_of = groups[[image.row for image in images]]
    parted = np.zeros(len(images), dtype=np.bool_)
    for label in np.unique(targets):
        of_class = targets == label
        parted |= of_class & (len(np.unique(group_of[of_class])) > 1)
    folds = np.full(len(images), -1, dtype=np.int64)
    if parted.any():
        chosen = [images[place] for place in np.flatnonzero(parted).tolist()]
        folds[parted] = assign_folds(chosen, groups, seed=seed)
    return folds
