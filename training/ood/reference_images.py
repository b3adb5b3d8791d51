"""The training images that others are compared with: for the OOD score, and to look similar ones up."""

from typing import Final

import numpy as np

from training.data.folder import Split
from training.data.split import Dataset
from training.runtime.arrays import Integers

# Bounds the time of a fine-tuned trunk's embeddings and the size of the index of similar images.
MAX_IMAGES: Final = 5_000


def choose_reference_images(
    dataset: Dataset, *, seed: int, split: Split = "train", at_most: int = MAX_IMAGES
) -> Integers:
    """Return places (M,) in a split, in order: all of them, or as many of each class.

    Where one class has too few for its part, the others take more.
    """
    targets = dataset.targets(split)
    if len(targets) <= at_most:
        return np.arange(len(targets))
    shuffled = np.random.default_rng(seed).permutation(len(targets))
    turns = np.empty(len(targets), dtype=np.int64)
    for index in range(len(dataset.labels)):
        of_class = shuffled[targets[shuffled] == index]
        turns[of_class] = np.arange(len(of_class))
    return np.sort(np.lexsort((targets, turns))[:at_most])
