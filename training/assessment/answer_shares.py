"""What answers on validation images look like as a whole; the service compares its own with them."""

import numpy as np

from inference.manifest import Rejection
from inference.measured import AnswerShares
from training.runtime.arrays import Floats


def answer_shares(
    probabilities: Floats, labels: tuple[str, ...], rejection: Rejection
) -> AnswerShares:
    """Return the shares of probabilities (N, K) of `labels`, by a rule chosen on the same images."""
    counts = np.bincount(probabilities.argmax(axis=1), minlength=len(labels))
    return AnswerShares(
        images=len(probabilities),
        rejected=1 - rejection.accepted,
        top_probability=float(probabilities.max(axis=1).mean()),
        labels={
            label: float(count / len(probabilities))
            for label, count in zip(labels, counts, strict=True)
            if count
        },
    )
