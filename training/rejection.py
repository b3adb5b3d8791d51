"""Choose the rejection threshold; the score itself is `inference.rejection`'s."""

from typing import Final

import numpy as np
import numpy.typing as npt

from inference.manifest import Rejection
from inference.rejection import familiarity

ACCEPTED_SHARE: Final = 0.95


def fit_rejection(val_logits: npt.NDArray[np.float32]) -> Rejection:
    """Return the rule that accepts 95 % of the validation images, by their logits (N, K)."""
    scores = familiarity(val_logits)
    threshold = float(np.quantile(scores, 1 - ACCEPTED_SHARE, method="lower"))
    return Rejection(
        score="max_logit", threshold=threshold, accepted=float((scores >= threshold).mean())
    )
