"""The negative log-likelihood: the loss, in nats, that models are compared by. Scikit-learn's log loss."""

from typing import Final

import numpy as np
from scipy.special import log_softmax

from training.runtime.arrays import Doubles, Floats, Integers

# A probability of 0 for the truth counts as this much.
_SMALLEST: Final = 1e-12
_BLOCK: Final = 1024


def nll_per_image(logits: Floats, targets: Integers, *, temperature: float = 1.0) -> Doubles:
    """Return -log softmax(logits / temperature)[target] of each image, (N,); logits (N, K)."""
    losses: Doubles = np.empty(len(targets))
    # In blocks: in double precision all of them would be several times the logits.
    for start in range(0, len(targets), _BLOCK):
        block, truth = logits[start : start + _BLOCK], targets[start : start + _BLOCK]
        log_probabilities = log_softmax(block.astype(np.float64) / temperature, axis=1)
        # 0 - x, where -x would be a negative zero of a model that is sure.
        losses[start : start + _BLOCK] = 0.0 - log_probabilities[np.arange(len(truth)), truth]
    return losses


def negative_log_likelihood(
    logits: Floats, targets: Integers, *, temperature: float = 1.0
) -> float:
    """Return the mean over images of `nll_per_image`."""
    return float(nll_per_image(logits, targets, temperature=temperature).mean())


def nll_of_probabilities(probabilities: Floats, targets: Integers) -> float:
    """Return the mean of -log of the true class's probability, never below 0; probabilities (N, K)."""
    # Rounding of float32 makes a probability of a little more than 1 at times.
    of_truth = np.clip(probabilities[np.arange(len(targets)), targets], _SMALLEST, 1)
    return float(0.0 - np.log(of_truth).mean())
