"""Classes of very different size."""

from typing import Final

import numpy as np

from training.data.split import Dataset
from training.runtime.arrays import Floats

# From this ratio of the largest to the smallest class on, the classes are weighed as if equal.
BALANCE_FROM: Final = 3.0


def is_imbalanced(dataset: Dataset) -> bool:
    """Return whether the classes are to be weighed."""
    return dataset.imbalance() >= BALANCE_FROM


def class_weights(dataset: Dataset) -> Floats | None:
    """Return (K,) factors inverse to the class sizes, or None where they differ little."""
    if not is_imbalanced(dataset):
        return None
    counts = np.bincount(dataset.targets("train"), minlength=len(dataset.labels))
    weights: Floats = (counts.sum() / (len(counts) * counts)).astype(np.float32)
    return weights
