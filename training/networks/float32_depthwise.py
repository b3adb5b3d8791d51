"""Depthwise convolutions in float32, within a network that computes in bfloat16 on a CPU.

Their bfloat16 gradients are slow there: of a step of EfficientNet-Lite0 on two cores with AMX they took
two thirds, and the step longer than in float32. Matrix products are what AMX is for, and these are none.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from training.networks.replaced_forward import replaced_forward


@contextmanager
def float32_depthwise(network: nn.Module) -> Iterator[None]:
    """Let a network's depthwise convolutions compute in float32 for a block, whatever autocast says."""
    with ExitStack() as stack:
        for module in network.modules():
            if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
                forward = partial(_in_float32, module.forward)
                stack.enter_context(replaced_forward(module, forward))
        yield


def _in_float32(forward: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return a layer's result in its input's own type, computed in float32."""
    with torch.autocast(images.device.type, enabled=False):
        return forward(images.float()).to(images.dtype)
