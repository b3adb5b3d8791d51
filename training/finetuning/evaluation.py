"""What a network in training says of the validation images."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import log_softmax
from torch import nn

from training.data.scan import PixelRows
from training.finetuning import distributed

_BATCH: Final = 64

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationImages:
    """What the served model is fed, the rows of it that are validation, their classes (M,).

    Of a network's tail, what that is fed: activations (N, h, w, D).
    """

    pixels: PixelRows | npt.NDArray[np.float16]
    rows: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]


@torch.inference_mode()
def compute_logits(
    network: nn.Module, validation: ValidationImages, device: torch.device
) -> Logits:
    """Return the logits of all validation images, (M, K), each computed by one process only."""
    network.eval()
    part = distributed.share()
    mine = np.arange(part.rank, len(validation.rows), part.of)
    logits = [
        _logits(network, validation.pixels[validation.rows[mine[start : start + _BATCH]]], device)
        for start in range(0, len(mine), _BATCH)
    ]
    parts = distributed.gather((mine, logits))
    found = [(places, np.concatenate(values)) for places, values in parts if len(places)]
    everything = np.empty((len(validation.rows), found[0][1].shape[1]), dtype=np.float32)
    for places, values in found:
        everything[places] = values
    return everything


def score(logits: Logits, targets: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return the mean loss in nats and the accuracy 0..1 of logits (M, K)."""
    losses = -log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
    return float(losses.mean()), float((logits.argmax(axis=1) == targets).mean())


def _logits(
    network: nn.Module, pixels: npt.NDArray[np.uint8 | np.float16], device: torch.device
) -> Logits:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device)
    logits: Logits = network(images).float().cpu().numpy()
    return logits
