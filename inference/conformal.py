"""Prediction sets: as few labels as keep a promised chance that the true one is among them."""

import numpy as np
import numpy.typing as npt

from inference.manifest import Conformal


def label_sets(
    probabilities: npt.NDArray[np.float32], conformal: Conformal
) -> npt.NDArray[np.bool_]:
    """Return which labels are in each image's set: (N, K) for probabilities (N, K).

    The most probable label always is: the method alone leaves a set empty where no label reaches the
    threshold, which keeps the promise too but helps nobody.
    """
    inside: npt.NDArray[np.bool_] = probabilities >= conformal.threshold
    inside[np.arange(len(inside)), probabilities.argmax(axis=1)] = True
    return inside
