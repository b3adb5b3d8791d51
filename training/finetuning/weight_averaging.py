"""The average of the weights over the last steps, often better than the last weights alone.

Polyak & Juditsky 1992; exponential, as in Tarvainen & Valpola 2017, "Mean teachers".
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

# The share of a run's steps after which a step's weight in the average has halved. A fixed decay such
# as 0.9998 still holds the first weights when a run of 500 steps is over.
HALF_LIFE_SHARE: Final = 0.08

Weights = Mapping[str, Tensor]


def decay_of(num_steps: int) -> float:
    """Return the decay per step whose half-life is a fixed share of the run."""
    return float(0.5 ** (1 / max(1.0, HALF_LIFE_SHARE * num_steps)))


@dataclass(slots=True)
class WeightAverage:
    """An exponential moving average of a network's weights; other tensors are copied."""

    weights: dict[str, Tensor]
    num_updates: int = 0

    @classmethod
    def of(cls, network: nn.Module) -> "WeightAverage":
        """Start from a network's present weights."""
        return cls({name: value.detach().clone() for name, value in network.state_dict().items()})

    @torch.no_grad()
    def update(self, now: Weights, decay: float) -> None:
        """Take a step's weights in. The first ones count for more, as there is little to average."""
        self.num_updates += 1
        kept = min(decay, (1 + self.num_updates) / (10 + self.num_updates))
        floating = [name for name, value in now.items() if value.is_floating_point()]
        # All in one go: a GPU would otherwise wait for hundreds of launches a step.
        torch._foreach_lerp_(
            [self.weights[name] for name in floating], [now[name] for name in floating], 1 - kept
        )
        counts = list(now.keys() - set(floating))
        if counts:  # a network without BatchNorm has none
            torch._foreach_copy_(
                [self.weights[name] for name in counts], [now[name] for name in counts]
            )


def interpolate(first: Weights, second: Weights, share: float) -> dict[str, Tensor]:
    """Return the weights `share` of the way, 0..1, from `first` to `second`.

    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models": between a fine-tuned network and
    the one it started from often lies a better one than either.
    """
    return {
        name: torch.lerp(value, second[name], share)
        if value.is_floating_point()
        else second[name].clone()
        for name, value in first.items()
    }


def mean_weights(several: Sequence[Weights]) -> dict[str, Tensor]:
    """Return the mean of several networks' weights; tensors that count are the first one's."""
    mean = dict(several[0])
    for place, weights in enumerate(several[1:], start=2):
        mean = interpolate(weights, mean, 1 - 1 / place)
    return mean


def load_copy(network: nn.Module, weights: Weights) -> nn.Module:
    """Return a copy of a network, with other weights, in evaluation mode."""
    other = copy.deepcopy(network)
    other.load_state_dict(dict(weights))
    return other.eval()
