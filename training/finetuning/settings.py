"""What the training loop is told."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

FINETUNE_RATE: Final = 3e-4
SCRATCH_RATE: Final = 2e-3
# The probe's head is already near its best; from random weights there is no difference to keep.
FINETUNE_HEAD_FACTOR: Final = 3.0
FINETUNE_LAYER_DECAY: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """How weights are changed, apart from how long.

    Attributes:
        learning_rate: peak rate of the trunk's last layers.
        layer_decay: each depth of the trunk has this many times the rate of the one above.
        head_rate_factor: the head's rate is this many times the trunk's last layers'.
        weight_decay: AdamW's, on weights of two or more dimensions only.
        train_norms: whether BatchNorm statistics follow the data (from scratch) or stay as
            pretrained, the better choice on small data.
        class_weights: (K,) factors of each class's loss, or None for equal ones.
        label_smoothing: the share of a label spread over all classes, 0 to below 1.
        half_precision: whether to compute in bfloat16 where that is safe (`torch.autocast`).
        device: where to train.
    """

    learning_rate: float
    layer_decay: float
    head_rate_factor: float
    weight_decay: float
    train_norms: bool
    class_weights: Tensor | None
    label_smoothing: float
    half_precision: bool
    device: torch.device
