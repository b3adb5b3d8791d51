"""Out-of-fold predictions: of models that were not fitted on these images."""

from dataclasses import dataclass

from training.assessment.calibration import PRIOR_SPREAD, fit_temperature
from training.runtime.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFoldPredictions:
    """The classes (M,) of M images and the logits (M, K) of models that had not seen them."""

    targets: Integers
    logits: Floats

    def temperature(self) -> float:
        """Return the temperature that makes these answers as sure as they were right."""
        return fit_temperature(self.logits, self.targets, prior_spread=PRIOR_SPREAD)
