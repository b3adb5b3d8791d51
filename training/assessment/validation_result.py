"""Which weights of a run are kept: the last, their average, or something between it and the start."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from training.assessment.calibration import fit_temperature
from training.runtime.arrays import Doubles, Flags, Floats, Integers

_RESAMPLES: Final = 2000
# How sure a change of mind must be.
CONVINCED: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """One set of weights on the validation images.

    `losses`: (M,) nats at the temperature that suits them best. `correct`: (M,) bool.
    """

    name: str
    losses: Doubles
    correct: Flags

    def describe(self) -> str:
        """Return one line for the terminal and the report."""
        return (
            f"{self.name}: validation accuracy {100 * self.correct.mean():.1f} %, "
            f"loss {self.losses.mean():.3f}"
        )


def validation_result(name: str, logits: Floats, targets: Integers) -> ValidationResult:
    """Return how logits (M, K) do on validation images."""
    scaled = log_softmax(logits.astype(np.float64) / fit_temperature(logits, targets), axis=1)
    return ValidationResult(
        name=name,
        losses=-scaled[np.arange(len(targets)), targets],
        correct=logits.argmax(axis=1) == targets,
    )


def select_best(results: list[ValidationResult]) -> int:
    """Return which to keep: the first, unless another has very likely a lower loss.

    The loss tells more than the accuracy, which on few images moves by whole images. The bootstrap
    keeps the best of many from being the luckiest of many.
    """
    kept = 0
    for index in range(1, len(results)):
        if share_better(results[index].losses, results[kept].losses) >= CONVINCED:
            kept = index
    return kept


def share_better(losses: npt.NDArray[Any], others: npt.NDArray[Any]) -> float:
    """Return the share of bootstrap samples of the images in which `losses` has the lower mean.

    Efron 1979; paired, as both are of the same images.
    """
    differences = losses.astype(np.float64) - others
    return float((_resampled_means(differences) < 0).mean())


def accuracy_difference(correct: Flags, others: Flags) -> tuple[float, float, float]:
    """Return the difference in accuracy, -1..1, and its 95 % interval by the paired bootstrap."""
    differences = correct.astype(np.float64) - others.astype(np.float64)
    low, high = np.quantile(_resampled_means(differences), [0.025, 0.975])
    return float(differences.mean()), float(low), float(high)


def _resampled_means(values: Doubles) -> Doubles:
    rng = np.random.default_rng(0)
    means: Doubles = np.empty(_RESAMPLES)
    for sample in range(_RESAMPLES):  # one after the other: all at once would need gigabytes
        means[sample] = values[rng.integers(0, len(values), len(values))].mean()
    return means
