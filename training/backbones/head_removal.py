"""Take a network's old head off and find where its class activation map can be read."""

from typing import Any, Final

import torch
from torch import Tensor, nn

from training.errors import BackboneError

# Where the families of torchvision keep their head.
_HEAD_NAMES: Final = ("fc", "classifier", "heads", "head")


def remove_timm_head(network: Any) -> nn.Module:
    """Turn a timm network into images (N, 3, H, W) -> embedding (N, D)."""
    # timm's VGG keeps the two 4096 layers outside what it calls the classifier. Pooling and one
    # linear layer in their place: 15 instead of 138 million weights, and a class activation map.
    if type(network).__name__ == "VGG":
        convolutions = [m for m in network.features if isinstance(m, nn.Conv2d)]
        network.pre_logits = nn.Identity()
        network.num_features = network.head_hidden_size = convolutions[-1].out_channels
    network.reset_classifier(0)
    module: nn.Module = network
    return module


def remove_torchvision_head(network: nn.Module) -> nn.Module:
    """Turn a torchvision network into images (N, 3, H, W) -> embedding (N, D).

    Raises:
        BackboneError: its head is of a kind not known here.
    """
    for auxiliary in ("aux1", "aux2", "AuxLogits"):
        if getattr(network, auxiliary, None) is not None:
            setattr(network, auxiliary, None)
    if hasattr(network, "aux_logits"):
        setattr(network, "aux_logits", False)  # noqa: B010 (nn.Module types it as a Tensor)
    kind = type(network).__name__
    if kind in ("VGG", "AlexNet"):  # their 4096 layers give way to pooling
        network.avgpool, network.classifier = nn.AdaptiveAvgPool2d(1), nn.Identity()
        return network
    if kind == "SqueezeNet":  # the head is a convolution, then pooling
        network.classifier = nn.AdaptiveAvgPool2d(1)
        return network
    for name in _HEAD_NAMES:
        head = getattr(network, name, None)
        if isinstance(head, nn.Linear):
            setattr(network, name, nn.Identity())
            return network
        if isinstance(head, nn.Sequential) and isinstance(head[-1], nn.Linear):
            head[-1] = nn.Identity()
            return network
    raise BackboneError(f"the head of {kind} is of an unknown kind; use the timm version of it")


@torch.inference_mode()
def find_map_layer(trunk: nn.Module, sample: Tensor) -> str | None:
    """Return the name of the module whose output, averaged over its area, is the embedding.

    Where there is one, the head is global average pooling and a linear layer, and the class
    activation map of Zhou et al. 2016 is exact. Found by looking at what the network does with
    `sample`, (N, 3, H, W), so that no list of architectures has to be kept.
    """
    seen: list[tuple[str, Tensor]] = []

    def remember(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2:] != (1, 1):
                seen.append((name, output))

        return hook

    handles = [m.register_forward_hook(remember(n)) for n, m in trunk.named_modules() if n]
    try:
        embedding = trunk(sample)
    finally:
        for handle in handles:
            handle.remove()
    for name, features in reversed(seen):
        same_width = features.shape[:2] == embedding.shape
        if same_width and torch.allclose(features.mean((2, 3)), embedding, rtol=1e-3, atol=1e-5):
            return name
    return None
