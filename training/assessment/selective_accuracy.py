"""What leaving the least sure answers to a person is worth: accuracy against the share answered.

El-Yaniv and Wiener 2010, "On the Foundations of Noise-free Selective Classification".
"""

from dataclasses import dataclass

import numpy as np

from training.assessment.labelled_predictions import LabelledPredictions


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """Answering only where the confidence is at least `confidence` (0..1).

    `images` of all are answered then, which is `coverage` (0..1), and `right` of them rightly.
    """

    confidence: float
    images: int
    right: int
    coverage: float

    @property
    def accuracy(self) -> float:
        """The share of the answered that is right, 0..1."""
        return self.right / self.images


def operating_points(answers: LabelledPredictions) -> list[OperatingPoint]:
    """Return one point for each confidence that occurs, the surest first; the last answers all."""
    order = np.argsort(-answers.confidence, kind="stable")
    confidence = answers.confidence[order]
    right = answers.right[order].cumsum()
    # Equally sure answers are given or withheld together.
    last_of_equals = np.append(confidence[1:] < confidence[:-1], True)
    return [
        OperatingPoint(
            confidence=float(confidence[i]),
            images=int(i) + 1,
            right=int(right[i]),
            coverage=(int(i) + 1) / len(order),
        )
        for i in np.flatnonzero(last_of_equals)
    ]


def at_coverage(points: list[OperatingPoint], coverage: float) -> OperatingPoint:
    """Return the first point that answers at least this share of the images."""
    return next(point for point in points if point.coverage >= coverage - 1e-9)
