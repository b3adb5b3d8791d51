"""Whether a model is shown to be better than an answer that needs no model."""

from inference.measured import SplitMetrics
from training.assessment.classification_metrics import describe_accuracy


def not_better_than_guessing(metrics: SplitMetrics, kind: str = "") -> str | None:
    """Return a sentence where nothing shows that the model learned something, else None.

    Always answering the largest class is right as often as that class is large, and finds one class of
    K. A model is better where the intervals of its accuracy and its balanced accuracy lie above these.
    `kind` is what the images are called, such as "test".
    """
    counts = {label: found.images for label, found in metrics.per_class.items() if found.images}
    largest = max(counts, key=lambda label: counts[label])
    share, by_chance = counts[largest] / metrics.images, 1 / len(counts)
    too_low = _reaches(metrics.accuracy_interval, share)
    unbalanced = _reaches(metrics.balanced_accuracy_interval, by_chance)
    if not too_low and not unbalanced:
        return None
    name = f"{kind} balanced accuracy".lstrip()
    balanced = (
        f"{name} {100 * metrics.balanced_accuracy:.1f} %{_interval(metrics)} against "
        f"{100 * by_chance:.1f} % by chance"
    )
    if not too_low:
        return f"not shown to tell all classes apart better than chance: {balanced}"
    text = (
        f"not shown to be better than always answering the largest class, {largest!r}: "
        f"{describe_accuracy(metrics, kind)} against {100 * share:.1f} %"
    )
    if unbalanced:
        return f"{text}; {balanced}"
    return f"{text}; yet over the classes alike it is better than chance: {balanced}"


def _reaches(interval: tuple[float, float] | None, level: float) -> bool:
    return interval is not None and interval[0] <= level


def _interval(metrics: SplitMetrics) -> str:
    if metrics.balanced_accuracy_interval is None:
        return ""
    low, high = metrics.balanced_accuracy_interval
    return f" (95 % interval {100 * low:.1f} to {100 * high:.1f})"
