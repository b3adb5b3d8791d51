"""Out-of-fold predictions: of models that were not fitted on these images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.assessment.calibration import PRIOR_SPREAD, fit_temperature
from training.data.scan import ScannedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFoldPredictions:
    """The images (M), their classes (M,) and the logits (M, K) of models that had not seen them."""

    images: tuple[ScannedImage, ...]
    targets: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]

    def temperature(self) -> float:
        """Return the temperature that makes these answers as sure as they were right."""
        return fit_temperature(self.logits, self.targets, prior_spread=PRIOR_SPREAD)
