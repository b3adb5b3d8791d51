"""Which weights of a run are kept: the last, their average, or something between it and the start."""

from dataclasses import dataclass
from typing import Final

from training.assessment.bootstrap import share_better
from training.assessment.calibration import fit_temperature
from training.assessment.nll import nll_per_image
from training.runtime.arrays import Doubles, Flags, Floats, Integers

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
    return ValidationResult(
        name=name,
        losses=nll_per_image(logits, targets, temperature=fit_temperature(logits, targets)),
        correct=logits.argmax(axis=1) == targets,
    )


def select_best(results: list[ValidationResult]) -> int:
    """Return which to keep: the first, unless another has very likely a lower loss.

    The loss says more than the accuracy, which on few images moves by whole images. The bootstrap
    keeps the best of many from being the luckiest of many.
    """
    kept = 0
    for index in range(1, len(results)):
        if share_better(results[index].losses, results[kept].losses) >= CONVINCED:
            kept = index
    return kept
