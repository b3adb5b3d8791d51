"""How much an image looks like the training data: the score behind `rejected`.

The score itself is computed by the graph (`FAMILIARITY`, written by `training.export.onnx_graph`), so that a
copied model file, another precision or another runtime carries it along. Packages published before
that are scored by their largest logit.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from inference.manifest import Rejection

Floats = npt.NDArray[np.float32]

# The graph's output, (N,) float32: the higher, the more familiar.
FAMILIARITY: Final = "familiarity"


def needs_output(rejection: Rejection | None) -> bool:
    """Return whether the rule is about the graph's own output."""
    return rejection is not None and rejection.score == FAMILIARITY


def rejection_scores(rejection: Rejection, logits: Floats, familiarity: Floats | None) -> Floats:
    """Return the scores (N,) that the rule is about, of logits (N, K) and the graph's output (N,).

    The largest logit keeps the norm that softmax divides away: Vaze et al. 2022, "Open-Set
    Recognition: a Good Closed-Set Classifier is All You Need?".
    """
    if needs_output(rejection):
        assert familiarity is not None
        return familiarity
    highest: Floats = logits.max(axis=1)
    return highest


def rejection_reason(rejection: Rejection | None, score: float) -> str | None:
    """Say why an image with this score is rejected; None where it is not, or there is no rule."""
    if rejection is None or score >= rejection.threshold:
        return None
    return (
        f"unlike the training images: its likeness to them is {score:.2f}, below the limit of "
        f"{rejection.threshold:.2f}"
    )
