"""Temperature scaling: one number that makes the probabilities mean what they say.

Guo et al. 2017, "On Calibration of Modern Neural Networks". Fitted on validation data, applied
inside the graph.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from training.assessment.nll import negative_log_likelihood
from training.assessment.reliability import expected_calibration_error
from training.runtime.arrays import Floats, Integers

_LOG_BOUNDS: Final = (np.log(0.05), np.log(20.0))
# Of the temperature's logarithm: two in three lie within 0.14..7.4.
PRIOR_SPREAD: Final = 2.0


def fit_temperature(logits: Floats, targets: Integers, *, prior_spread: float = np.inf) -> float:
    """Return the likeliest temperature in 0.05..20 by logits (N, K) and targets (N,).

    Its logarithm is taken to be normal about 0 with `prior_spread` before anything is seen. Where a few
    images are all answered rightly, the surest answers would otherwise be the likeliest, without end. On
    a hundred images it hardly counts; `python -m benchmarks.temperature` says what it is worth on fewer.
    """

    def cost(log_temperature: float) -> float:
        nll = negative_log_likelihood(logits, targets, temperature=float(np.exp(log_temperature)))
        return len(targets) * nll + (log_temperature / prior_spread) ** 2 / 2

    return float(np.exp(minimize_scalar(cost, bounds=_LOG_BOUNDS, method="bounded").x))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationEffect:
    """Loss in nats and calibration error 0..1, at temperature 1 (before) and at the fitted one."""

    nll_before: float
    nll_after: float
    ece_before: float
    ece_after: float


def calibration_effect(
    logits: Floats, targets: Integers, *, temperature: float
) -> CalibrationEffect:
    """Return what the temperature changes for logits (N, K) and targets (N,)."""
    return CalibrationEffect(
        nll_before=negative_log_likelihood(logits, targets),
        nll_after=negative_log_likelihood(logits, targets, temperature=temperature),
        ece_before=expected_calibration_error(softmax(logits, axis=1), targets),
        ece_after=expected_calibration_error(softmax(logits / temperature, axis=1), targets),
    )
