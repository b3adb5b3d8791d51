"""The validation images, and what a network in training predicts for them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from training.assessment.nll import negative_log_likelihood
from training.data.scan import PixelRows
from training.runtime import distributed
from training.runtime.arrays import Floats, HalfFloats, Integers

_BATCH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationImages:
    """What the served model is fed, the rows of it that are validation, their classes (M,).

    For a network's last stages, what those are fed: activations (N, h, w, D).
    """

    pixels: PixelRows | HalfFloats
    rows: Integers
    targets: Integers

    def batch(self, places: slice | Integers, device: torch.device) -> Tensor:
        """Return some of them as a network takes them: (N, 3, H, W) uint8, or activations."""
        return torch.from_numpy(self.pixels[self.rows[places]]).permute(0, 3, 1, 2).to(device)


@torch.inference_mode()
def compute_logits(
    network: nn.Module, validation: ValidationImages, device: torch.device
) -> Floats:
    """Return the logits of all validation images, (M, K), each computed by one process only."""
    network.eval()
    part = distributed.shard()
    mine = np.arange(part.rank, len(validation.rows), part.of)
    logits = [
        network(validation.batch(mine[start : start + _BATCH], device)).float().cpu().numpy()
        for start in range(0, len(mine), _BATCH)
    ]
    parts = distributed.gather((mine, logits))
    found = [(places, np.concatenate(values)) for places, values in parts if len(places)]
    everything = np.empty((len(validation.rows), found[0][1].shape[1]), dtype=np.float32)
    for places, values in found:
        everything[places] = values
    return everything


def loss_and_accuracy(logits: Floats, targets: Integers) -> tuple[float, float]:
    """Return the mean loss in nats and the accuracy 0..1 of logits (M, K)."""
    accuracy = float((logits.argmax(axis=1) == targets).mean())
    return negative_log_likelihood(logits, targets), accuracy
