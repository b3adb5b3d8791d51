"""A line of the history of a training."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationRecord:
    """One line of the history: the run so far, evaluated on validation images.

    `epoch` counts the evaluations. Accuracy 0..1; `seconds` since the loop began.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
