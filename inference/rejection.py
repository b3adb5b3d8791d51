"""How much an image looks like the training data: the score behind `rejected`.

One function for training, which sets the threshold, and for serving, which applies it.
"""

import numpy as np
import numpy.typing as npt

from inference.manifest import Rejection


def familiarity(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the largest logit of each row, (N, K) -> (N,): the higher, the more familiar.

    Vaze et al. 2022, "Open-Set Recognition: a Good Closed-Set Classifier is All You Need?": the
    maximum logit keeps the norm that softmax divides away.
    """
    highest: npt.NDArray[np.float32] = logits.max(axis=1)
    return highest


def is_rejected(
    rejection: Rejection | None, logits: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]:
    """Return, for logits (N, K), which rows fall below the threshold; none where there is no rule."""
    if rejection is None:
        return np.zeros(len(logits), dtype=np.bool_)
    rejected: npt.NDArray[np.bool_] = familiarity(logits) < rejection.threshold
    return rejected
