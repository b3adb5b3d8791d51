"""How good a model is on one split, from its probabilities and the true classes."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from inference.measured import ClassMetrics, SplitMetrics
from training.assessment.bootstrap import interval_of
from training.assessment.intervals import Interval, wilson
from training.assessment.nll import nll_of_probabilities
from training.assessment.reliability import expected_calibration_error
from training.runtime.arrays import Doubles, Floats, Integers

_RESAMPLES: Final = 1000


def measure(probabilities: Floats, targets: Integers, labels: Sequence[str]) -> SplitMetrics:
    """Return the metrics of probabilities (N, K) against targets (N,), N at least 1.

    The averages over classes leave out a class that has no images here.
    """
    num_images = len(targets)
    counts = confusion_matrix(probabilities, targets, len(labels))
    top5 = _num_in_top(probabilities, targets, 5) if len(labels) > 5 else None
    return SplitMetrics(
        images=num_images,
        accuracy=_accuracy(counts),
        accuracy_interval=wilson(int(np.trace(counts)), num_images),
        balanced_accuracy=_balanced_accuracy(counts),
        balanced_accuracy_interval=_interval(counts, _balanced_accuracy),
        macro_f1=_macro_f1(counts),
        macro_f1_interval=_interval(counts, _macro_f1),
        nll=nll_of_probabilities(probabilities, targets),
        brier=_brier_score(probabilities, targets),
        ece=expected_calibration_error(probabilities, targets),
        top5=None if top5 is None else top5 / num_images,
        top5_interval=None if top5 is None else wilson(top5, num_images),
        per_class=_per_class(counts, labels),
    )


def confusion_matrix(probabilities: Floats, targets: Integers, num_classes: int) -> Integers:
    """Return counts (K, K): row is the true class, column the answer."""
    cells = targets * num_classes + probabilities.argmax(axis=1)
    flat = np.bincount(cells, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes)


def describe_accuracy(metrics: SplitMetrics, kind: str = "") -> str:
    """Return such as "test accuracy 86.9 % (n=245, 95 % interval 82.1 to 90.6)"."""
    text = f"{kind} accuracy {100 * metrics.accuracy:.1f} % (n={metrics.images:,}".lstrip()
    if metrics.accuracy_interval is None:
        return text + ")"
    low, high = metrics.accuracy_interval
    return f"{text}, 95 % interval {100 * low:.1f} to {100 * high:.1f})"


def _per_class(counts: Integers, labels: Sequence[str]) -> dict[str, ClassMetrics]:
    """Return for each class how much of it was found, and how far its name can be trusted."""
    right, of_class, named = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    recall, precision, f1 = _recall(counts), _precision(counts), _f1(counts)
    return {
        label: ClassMetrics(
            precision=float(precision[i]),
            precision_interval=wilson(int(right[i]), int(named[i])),
            recall=float(recall[i]),
            recall_interval=wilson(int(right[i]), int(of_class[i])),
            f1=float(f1[i]),
            images=int(of_class[i]),
        )
        for i, label in enumerate(labels)
    }


def _accuracy(counts: Integers) -> float:
    return float(np.trace(counts) / counts.sum())


def _balanced_accuracy(counts: Integers) -> float:
    return float(_recall(counts)[counts.sum(axis=1) > 0].mean())


def _macro_f1(counts: Integers) -> float:
    return float(_f1(counts)[counts.sum(axis=1) > 0].mean())


def _recall(counts: Integers) -> Doubles:
    return _share(np.diagonal(counts), counts.sum(axis=1))


def _precision(counts: Integers) -> Doubles:
    return _share(np.diagonal(counts), counts.sum(axis=0))


def _f1(counts: Integers) -> Doubles:
    return _share(2 * np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1))


def _share(part: Integers, whole: Integers) -> Doubles:
    """Return part / whole, 0 of nothing being 0."""
    shares: Doubles = part / np.maximum(whole, 1)
    return shares


def _interval(counts: Integers, statistic: Callable[[Integers], float]) -> Interval | None:
    """Return the 95 % bootstrap interval of a statistic.

    None where every answer is right: drawing again shows no spread there, which is not the same as
    certainty.
    """
    if np.trace(counts) == counts.sum():
        return None
    return interval_of(counts, statistic, resamples=_RESAMPLES)


def _brier_score(probabilities: Floats, targets: Integers) -> float:
    """Return the mean squared distance to the truth, 0..2 (Brier 1950)."""
    squares = (probabilities.astype(np.float64) ** 2).sum(axis=1)
    of_truth = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    return float((squares - 2 * of_truth + 1).mean())


def _num_in_top(probabilities: Floats, targets: Integers, k: int) -> int:
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return int((best == targets[:, np.newaxis]).any(axis=1).sum())
