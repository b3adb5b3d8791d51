"""Whether confidence means what it says: of the answers given with 0.8, are 80 % right?"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from training.runtime.arrays import Floats, Integers

MAX_BINS: Final = 15
# With fewer images in a bin, its share of right answers is mostly chance.
_BIN_IMAGES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Images of similar confidence: how many, how sure on average, how many of them right (0..1)."""

    images: int
    right: int
    confidence: float

    @property
    def accuracy(self) -> float:
        """The share that is right, 0..1."""
        return self.right / self.images


def reliability_bins(probabilities: Floats, targets: Integers) -> list[ReliabilityBin]:
    """Sort the answers by confidence into bins of about as many images each, the least sure first.

    Up to 15 bins, of at least 10 images: bins of equal width leave most of them nearly empty and
    the error biased (Nixon et al. 2019, "Measuring Calibration in Deep Learning"; Roelofs et al.
    2022, "Mitigating Bias in Calibration Error Estimation"). Equal confidences share a bin.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    num_bins = int(np.clip(len(targets) // _BIN_IMAGES, 1, MAX_BINS))
    edges = np.quantile(confidence, np.linspace(0, 1, num_bins + 1)[1:-1])
    place = np.searchsorted(edges, confidence)
    return [
        ReliabilityBin(
            images=int((place == b).sum()),
            right=int(right[place == b].sum()),
            confidence=float(confidence[place == b].mean()),
        )
        for b in np.unique(place)
    ]


def expected_calibration_error(probabilities: Floats, targets: Integers) -> float:
    """Return the mean gap between confidence and truth, 0..1, over `reliability_bins`."""
    bins = reliability_bins(probabilities, targets)
    gaps = sum(b.images * abs(b.accuracy - b.confidence) for b in bins)
    return gaps / len(targets)
