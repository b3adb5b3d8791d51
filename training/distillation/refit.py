"""The head of a teacher that is a probe, to be fitted again without images that it has learnt from."""

from typing import Final

import numpy as np

from training.assessment.calibration import fit_temperature
from training.candidates.labelled_images import LabelledImages
from training.data.class_weights import is_imbalanced
from training.data.split import Dataset
from training.probing.probe import C_GRID, cross_validate_grid
from training.probing.refitted_teacher import RefittedTeacher
from training.runtime.arrays import Flags, Floats, Integers

# The loss is flat about its lowest point.
_C_GRID: Final = C_GRID[::2]


def fit_again(
    embeddings: Floats,
    unlabelled_embeddings: Floats,
    dataset: Dataset,
    images: LabelledImages,
    seen: Flags,
) -> RefittedTeacher | None:
    """Return what fits the teacher's head again; None where a fold holds all of a class that it has seen.

    Its C and its temperature are found by cross-validation, as a package does not say the former and has the
    latter from the images that may be held out.

    Args:
        embeddings: (N, D) by the teacher, by `ScannedImage.row`.
        unlabelled_embeddings: (U, D).
        dataset: the images.
        images: those that have a label, in folds.
        seen: (N,) those that the teacher has learnt from.
    """
    used = seen[images.rows]
    rows, targets, folds = images.rows[used], images.targets[used], images.folds[used]
    held_out = [rows[folds == fold] for fold in np.unique(folds[folds >= 0])]
    held_out.append(dataset.rows("val") if dataset.folds is None else rows[:0])
    if any(not _has_every_class(rows, targets, out, dataset) for out in held_out):
        return None
    balanced = is_imbalanced(dataset)
    parted = folds >= 0
    trials, best = cross_validate_grid(
        embeddings[rows[parted]],
        _numbered(targets[parted]),
        folds[parted],
        balanced=balanced,
        grid=_C_GRID,
    )
    return RefittedTeacher(
        embeddings=embeddings,
        unlabelled_embeddings=unlabelled_embeddings,
        rows=rows,
        targets=targets,
        C=trials[best].C,
        temperature=fit_temperature(trials[best].logits, _numbered(targets[parted])),
        balanced=balanced,
    )


def _has_every_class(
    rows: Integers, targets: Integers, held_out: Integers, dataset: Dataset
) -> bool:
    kept = targets[~np.isin(rows, held_out)]
    return len(np.unique(kept)) == len(dataset.labels)


def _numbered(targets: Integers) -> Integers:
    """Return classes as 0, 1, … where some are left out."""
    return np.unique(targets, return_inverse=True)[1]
