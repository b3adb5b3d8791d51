"""When a precision may be published: it keeps the accuracy, and it is faster here."""

from typing import Final

from inference.speed import MIN_SPEEDUP, Speed
from training.precisions.outcome import AccuracyChange

# Accuracy, 0..1, that a smaller type may cost on the validation images.
MAX_DROP: Final = 0.005


def accuracy_reason(change: AccuracyChange) -> str | None:
    """Return why a file with this accuracy is left out; None where it may be published."""
    if -change.points <= MAX_DROP + 1e-9:
        return None
    return (
        f"accuracy gate: {change.describe()} on the validation images, limit is "
        f"-{100 * MAX_DROP:.1f} points"
    )


def speed_reason(speed: Speed) -> str | None:
    """Return why a file with this speed is left out; None where it may be published."""
    if speed.ratio >= MIN_SPEEDUP:
        return None
    return f"speed gate: {speed.describe()}, must be {MIN_SPEEDUP} at least"
