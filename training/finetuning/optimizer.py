"""AdamW with a rate for each depth of the trunk, and no decay on norms and biases."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from training.backbones.layer_groups import layer_groups
from training.finetuning.hyperparameters import Hyperparameters
from training.networks.transfer_network import TransferNetwork

Named = tuple[str, nn.Parameter]


def build_optimizer(network: TransferNetwork, settings: Hyperparameters) -> torch.optim.AdamW:
    """Return the optimiser; each group's "peak_rate" is what the schedule multiplies.

    Layer-wise rates as in Clark et al. 2020, "ELECTRA": early layers hold what all images share and
    are to move less.
    """
    depths = layer_groups(network.trunk)
    groups: list[dict[str, Any]] = []
    for above, parameters in enumerate(reversed(depths)):
        rate = settings.learning_rate * settings.layer_decay**above
        groups += _decayed_and_not(parameters, rate, settings.weight_decay)
    head_rate = settings.learning_rate * settings.head_rate_factor
    groups += _decayed_and_not(
        list(network.head.named_parameters()), head_rate, settings.weight_decay
    )
    # Fused: one kernel for all, on a CPU too.
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set each group's rate to a share of its peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_rate"] * factor


def _decayed_and_not(
    parameters: Sequence[Named], rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    matrices = [p for _, p in parameters if p.requires_grad and p.ndim >= 2]
    vectors = [p for _, p in parameters if p.requires_grad and p.ndim < 2]
    groups = [
        {"params": matrices, "peak_rate": rate, "weight_decay": weight_decay},
        {"params": vectors, "peak_rate": rate, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
