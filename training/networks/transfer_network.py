"""The network as it is trained and as it is served: one trunk, one linear head, one normalisation.

Shapes: N images, H x W pixels, D embedding entries, K classes.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from inference.preprocessing import PreprocessSpec
from training.backbones.build import Backbone
from training.networks.linear_head import LinearHead


class TransferNetwork(nn.Module):
    """Images (N, 3, H, W), 0..255 of any dtype, to logits (N, K)."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, num_classes: int) -> None:
        super().__init__()
        self.trunk = backbone.trunk
        self.head = nn.Linear(backbone.embedding_dim, num_classes)
        self.map_layer = backbone.map_layer
        self.register_buffer("mean", _pixel_scale(backbone.spec.mean))
        self.register_buffer("std", _pixel_scale(backbone.spec.std))

    def normalise(self, images: Tensor) -> Tensor:
        """Return (image - mean) / std with both in 0..255, float32."""
        return (images.float() - self.mean) / self.std

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, K)."""
        logits: Tensor = self.head(self.trunk(self.normalise(images)))
        return logits

    def linear_head(self) -> LinearHead:
        """Return the head's present weights."""
        return LinearHead(
            weight=self.head.weight.detach().cpu().numpy().copy(),
            bias=self.head.bias.detach().cpu().numpy().copy(),
        )

    def with_head(self, head: LinearHead) -> "TransferNetwork":
        """Return a copy with another head, in evaluation mode."""
        network = copy.deepcopy(self)
        network.set_linear_head(head)
        return network.eval()

    def set_linear_head(self, head: LinearHead) -> None:
        """Put other weights of the same shape into the head."""
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(head.weight))
            self.head.bias.copy_(torch.from_numpy(head.bias))


class TrunkGraph(nn.Module):
    """What is traced for export: uint8 images (N, H, W, 3) to the embedding (N, D).

    Where the network has a class activation map, also to the features (N, D, h, w) before pooling.
    """

    def __init__(self, network: TransferNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return (embedding,) or (embedding, features)."""
        images = self.network.normalise(image.permute(0, 3, 1, 2))
        if self.network.map_layer is None:
            return (self.network.trunk(images),)
        seen: list[Tensor] = []

        def remember(module: nn.Module, inputs: Any, output: Tensor) -> None:
            seen.append(output)

        layer = self.network.trunk.get_submodule(self.network.map_layer)
        handle = layer.register_forward_hook(remember)
        try:
            embedding = self.network.trunk(images)
        finally:
            handle.remove()
        return embedding, seen[-1]


def serving_outputs(
    network: TransferNetwork, image: Tensor, temperature: float
) -> dict[str, Tensor]:
    """Return in PyTorch what the published file is to give for uint8 images (N, H, W, 3)."""
    embedding, *features = TrunkGraph(network)(image)
    logits = network.head(embedding)
    outputs = {
        "logits": logits,
        "probabilities": torch.softmax(logits / temperature, dim=1),
        "embedding": embedding,
    }
    if features:
        # Zhou et al. 2016: the head's weights of the top class over the features before pooling.
        weights = network.head.weight[logits.argmax(dim=1)]
        outputs["activation_map"] = torch.einsum("nd,ndhw->nhw", weights, features[0])
    return outputs


def _pixel_scale(values: tuple[float, float, float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1) * 255


def example_images(spec: PreprocessSpec) -> Tensor:
    """Return a batch of two for tracing: the exporter takes a batch of one for a constant."""
    return torch.zeros(2, *spec.crop_hw, 3, dtype=torch.uint8)
