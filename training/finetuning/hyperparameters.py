"""The hyperparameters of the training loop."""

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from training.config import WEIGHT_DECAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """How weights are changed, apart from how long.

    Attributes:
        learning_rate: peak rate of the trunk's last layers.
        layer_decay: each depth of the trunk has this many times the rate of the one above.
        head_rate_factor: the head's rate is this many times the trunk's last layers'.
        weight_decay: AdamW's, on weights of two or more dimensions only.
        train_norms: whether BatchNorm statistics follow the data (from scratch) or stay as
            pretrained, the better choice on small data.
        class_weights: (K,) factors of each class's loss, or None for equal ones.
        half_precision: whether to compute in bfloat16 where that is safe (`torch.autocast`).
        device: where to train.
    """

    learning_rate: float
    layer_decay: float
    head_rate_factor: float
    weight_decay: float
    train_norms: bool
    class_weights: Tensor | None
    half_precision: bool
    device: torch.device


# What is meant for any data and machine; the task fills in the rest.
FINETUNE: Final = Hyperparameters(
    learning_rate=3e-4,
    layer_decay=0.8,
    head_rate_factor=3.0,  # no more: the probe's head is already near its best
    weight_decay=WEIGHT_DECAY,
    train_norms=False,
    class_weights=None,
    half_precision=False,
    device=torch.device("cpu"),
)
# With random weights there is no difference between layers to keep, and no statistics.
SCRATCH: Final = replace(
    FINETUNE, learning_rate=2e-3, layer_decay=1.0, head_rate_factor=1.0, train_norms=True
)
