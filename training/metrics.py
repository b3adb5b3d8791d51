"""How good a model is on one split, from its logits or probabilities and the true classes."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from sklearn.metrics import precision_recall_fscore_support

from inference.manifest import ClassMetrics, SplitMetrics

Floats = npt.NDArray[np.float32]
Targets = npt.NDArray[np.int64]

NUM_ECE_BINS: Final = 15
_SMALLEST: Final = 1e-12


def measure(probabilities: Floats, targets: Targets, labels: Sequence[str]) -> SplitMetrics:
    """Return the metrics of probabilities (N, K) against targets (N,), N at least 1."""
    guesses = probabilities.argmax(axis=1)
    precision, recall, f1, images = precision_recall_fscore_support(
        targets, guesses, labels=range(len(labels)), zero_division=0.0
    )
    present = images > 0
    return SplitMetrics(
        images=len(targets),
        accuracy=float((guesses == targets).mean()),
        balanced_accuracy=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        nll=_nll(probabilities, targets),
        ece=expected_calibration_error(probabilities, targets),
        top5=_top_accuracy(probabilities, targets, 5) if len(labels) > 5 else None,
        per_class={
            label: ClassMetrics(
                precision=float(precision[i]),
                recall=float(recall[i]),
                f1=float(f1[i]),
                images=int(images[i]),
            )
            for i, label in enumerate(labels)
        },
    )


def confusion_matrix(
    probabilities: Floats, targets: Targets, num_classes: int
) -> npt.NDArray[np.int64]:
    """Return counts (K, K): row is the true class, column the answer."""
    counts: npt.NDArray[np.int64] = sklearn_confusion_matrix(
        targets, probabilities.argmax(axis=1), labels=range(num_classes)
    )
    return counts


def expected_calibration_error(probabilities: Floats, targets: Targets) -> float:
    """Return the ECE of the top class, 0..1, over 15 equal-width bins (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * NUM_ECE_BINS).astype(int), NUM_ECE_BINS - 1)
    gaps = (
        abs(correct[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    )
    return float(sum(gaps))


def _nll(probabilities: Floats, targets: Targets) -> float:
    of_truth = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(of_truth, _SMALLEST)).mean())


def _top_accuracy(probabilities: Floats, targets: Targets, k: int) -> float:
    best = np.argsort(-probabilities, axis=1)[:, :k]
    return float((best == targets[:, np.newaxis]).any(axis=1).mean())
