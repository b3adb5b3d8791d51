"""The training loop: AdamW, cosine per step, best weights on validation data kept."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training.batches import TrainingImages
from training.data.scan import PixelRows
from training.errors import DivergenceError
from training.network import TransferNetwork
from training.schedule import rate_factor

FINETUNE_RATE: Final = 1e-4
SCRATCH_RATE: Final = 1e-3
HEAD_RATE_FACTOR: Final = 10.0
_CLIP_NORM: Final = 1.0
_EVALUATION_BATCH: Final = 64
# Steps timed before a run is fitted into its time budget; the first ones also pay for set-up.
_TIMED_STEPS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """What the loop needs of the run's options.

    Attributes:
        epochs: passes over the training images at most.
        learning_rate: peak rate of the trunk.
        head_rate_factor: the head's rate is this many times the trunk's.
        weight_decay: AdamW's, on weights of two or more dimensions only.
        train_norms: whether BatchNorm statistics follow the data (from scratch) or stay as
            pretrained, the better choice on small data.
        class_weights: (K,) factors of each class's loss, or None for equal ones.
        deadline_s: `time.monotonic()` at which training is to be done, or None.
        device: where to train.
    """

    epochs: int
    learning_rate: float
    head_rate_factor: float
    weight_decay: float
    train_norms: bool
    class_weights: Tensor | None
    deadline_s: float | None
    device: torch.device


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One line of the history. Accuracy 0..1; `seconds` since the loop began."""

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What a progress display is told after each step."""

    step: int
    num_steps: int
    loss: float
    images_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationImages:
    """What the served model is fed, the rows of it that are validation, their classes (M,)."""

    pixels: PixelRows
    rows: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]


def train(
    network: TransferNetwork,
    images: TrainingImages,
    validation: ValidationImages,
    config: LoopConfig,
    *,
    on_step: Callable[[StepReport], None] = lambda _: None,
    on_epoch: Callable[[EpochRecord], None] = lambda _: None,
) -> list[EpochRecord]:
    """Train a network in place; it ends with the weights of its best epoch on validation data.

    Best is the lowest validation loss.

    Raises:
        DivergenceError: the loss became NaN or infinite.
    """
    network.to(config.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = build_optimizer(network, config)
    pace = _Pace(num_steps=config.epochs * images.batches_per_epoch, started=time.monotonic())
    best_loss, best_state = math.inf, copy.deepcopy(network.state_dict())
    history: list[EpochRecord] = []
    while not pace.done:
        set_training_mode(network, train_norms=config.train_norms)
        losses = [
            _step(network, optimizer, batch, targets, pace=pace, config=config, on_step=on_step)
            for batch, targets in takewhile(lambda _: not pace.done, images.epoch(len(history)))
        ]
        val_loss, val_accuracy = evaluate(network, validation, config.device)
        record = EpochRecord(
            epoch=len(history) + 1,
            train_loss=float(np.mean(losses)),
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            learning_rate=optimizer.param_groups[0]["lr"],
            seconds=pace.elapsed_s(),
        )
        history.append(record)
        on_epoch(record)
        if val_loss < best_loss:
            best_loss, best_state = val_loss, copy.deepcopy(network.state_dict())
    network.load_state_dict(best_state)
    network.eval().cpu()
    return history


def build_optimizer(network: TransferNetwork, config: LoopConfig) -> torch.optim.Optimizer:
    """Return AdamW with a rate for trunk and head each, and no decay on norms and biases."""
    rate, head_rate = config.learning_rate, config.learning_rate * config.head_rate_factor
    groups = [
        {"params": list(parameters), "peak_rate": peak, "weight_decay": decay}
        for module, peak in ((network.trunk, rate), (network.head, head_rate))
        for parameters, decay in (
            (_parameters(module, matrices=True), config.weight_decay),
            (_parameters(module, matrices=False), 0.0),
        )
    ]
    return torch.optim.AdamW(groups, lr=rate)


def set_training_mode(network: nn.Module, *, train_norms: bool) -> None:
    """Switch to training; BatchNorm layers stay in evaluation mode unless `train_norms`."""
    network.train()
    if train_norms:
        return
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


@torch.inference_mode()
def evaluate(
    network: TransferNetwork, validation: ValidationImages, device: torch.device
) -> tuple[float, float]:
    """Return the mean loss in nats and the accuracy 0..1 on validation images."""
    network.eval()
    loss, correct = 0.0, 0
    for start in range(0, len(validation.rows), _EVALUATION_BATCH):
        rows = validation.rows[start : start + _EVALUATION_BATCH]
        images = torch.from_numpy(validation.pixels[rows]).permute(0, 3, 1, 2).to(device)
        targets = torch.from_numpy(validation.targets[start : start + len(rows)]).to(device)
        logits = network(images)
        loss += float(nn.functional.cross_entropy(logits, targets, reduction="sum"))
        correct += int((logits.argmax(dim=1) == targets).sum())
    return loss / len(validation.rows), correct / len(validation.rows)


@dataclass(slots=True)
class _Pace:
    """How far a run is and how many steps it will have; shortened once to fit its budget."""

    num_steps: int
    started: float
    step: int = 0

    @property
    def done(self) -> bool:
        return self.step >= self.num_steps

    def elapsed_s(self) -> float:
        return time.monotonic() - self.started

    def count(self, deadline_s: float | None) -> None:
        self.step += 1
        if self.step == _TIMED_STEPS and deadline_s is not None:
            left_s = deadline_s - time.monotonic()
            fitting = self.step + int(left_s / (self.elapsed_s() / self.step))
            self.num_steps = max(self.step, min(self.num_steps, fitting))


def _step(
    network: TransferNetwork,
    optimizer: torch.optim.Optimizer,
    batch: Tensor,
    targets: Tensor,
    *,
    pace: _Pace,
    config: LoopConfig,
    on_step: Callable[[StepReport], None],
) -> float:
    """Take one optimiser step and return its loss."""
    factor = rate_factor(pace.step, pace.num_steps)
    for group in optimizer.param_groups:
        group["lr"] = group["peak_rate"] * factor
    weights = None if config.class_weights is None else config.class_weights.to(config.device)
    logits = network(batch.to(config.device))
    loss = nn.functional.cross_entropy(logits, targets.to(config.device), weight=weights)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise DivergenceError(
            f"the training loss became {value}; lower --learning-rate (it was {config.learning_rate:g})"
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), _CLIP_NORM)
    optimizer.step()
    pace.count(config.deadline_s)
    on_step(
        StepReport(
            step=pace.step,
            num_steps=pace.num_steps,
            loss=value,
            images_per_s=pace.step * len(targets) / pace.elapsed_s(),
        )
    )
    return value


def _parameters(module: nn.Module, *, matrices: bool) -> Iterator[Any]:
    for parameter in module.parameters():
        if parameter.requires_grad and (parameter.ndim >= 2) == matrices:
            yield parameter
