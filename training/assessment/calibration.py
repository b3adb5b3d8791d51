"""Temperature scaling: one number that makes the probabilities mean what they say.

Guo et al. 2017, "On Calibration of Modern Neural Networks". Fitted on validation data, applied
inside the graph.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from training.assessment.reliability import expected_calibration_error

Floats = npt.NDArray[np.float32]
Targets = npt.NDArray[np.int64]

_LOG_BOUNDS: Final = (np.log(0.05), np.log(20.0))


def negative_log_likelihood(logits: Floats, targets: Targets, *, temperature: float = 1.0) -> float:
    """Return the mean of -log softmax(logits / temperature)[target] in nats; logits (N, K)."""
    log_probabilities = log_softmax(logits.astype(np.float64) / temperature, axis=1)
    return float(-log_probabilities[np.arange(len(targets)), targets].mean())


def fit_temperature(logits: Floats, targets: Targets) -> float:
    """Return the temperature in 0.05..20 with the lowest loss on logits (N, K), targets (N,).

    Each target is taken to be right with (N + 1) of (N + 2), as in Platt 1999, "Probabilistic Outputs for
    Support Vector Machines": where a few images are all answered rightly, the loss would otherwise be the
    lower the surer the answers are made, without end. On thousands of images that changes nothing.
    """
    doubt = 1 / (len(targets) + 2)

    def loss(log_temperature: float) -> float:
        return _loss(logits, targets, temperature=float(np.exp(log_temperature)), doubt=doubt)

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_BOUNDS, method="bounded").x))


def _loss(logits: Floats, targets: Targets, *, temperature: float, doubt: float) -> float:
    """Return the loss where each target has but `1 - doubt`, and the other classes the rest."""
    log_probabilities = log_softmax(logits.astype(np.float64) / temperature, axis=1)
    own = log_probabilities[np.arange(len(targets)), targets]
    others = (log_probabilities.sum(axis=1) - own) / max(1, logits.shape[1] - 1)
    return float(-((1 - doubt) * own + doubt * others).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationEffect:
    """Loss in nats and calibration error 0..1, at temperature 1 (before) and at the fitted one."""

    nll_before: float
    nll_after: float
    ece_before: float
    ece_after: float


def calibration_effect(
    logits: Floats, targets: Targets, *, temperature: float
) -> CalibrationEffect:
    """Return what the temperature changes for logits (N, K) and targets (N,)."""
    return CalibrationEffect(
        nll_before=negative_log_likelihood(logits, targets),
        nll_after=negative_log_likelihood(logits, targets, temperature=temperature),
        ece_before=expected_calibration_error(softmax(logits, axis=1), targets),
        ece_after=expected_calibration_error(softmax(logits / temperature, axis=1), targets),
    )
