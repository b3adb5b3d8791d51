"""The network as it is trained and as it is served: one trunk, one linear head, one normalisation.

Shapes: N images, H x W pixels, D embedding entries, K classes.
"""

from typing import Any, Final

import torch
from torch import Tensor, nn

from inference.preprocessing import PreprocessSpec
from training.backbones.build import Backbone

OUTPUT_NAMES: Final = ("logits", "probabilities", "embedding", "activation_map")


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


class ServingGraph(nn.Module):
    """The contract's graph: uint8 images (N, H, W, 3) to the outputs in `OUTPUT_NAMES`' order.

    The activation map is left out where the network has none.
    """

    temperature: Tensor

    def __init__(self, network: TransferNetwork, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("temperature", torch.tensor([temperature], dtype=torch.float32))

    @property
    def output_names(self) -> list[str]:
        """The names of what `forward` returns."""
        return list(OUTPUT_NAMES if self.network.map_layer else OUTPUT_NAMES[:-1])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return logits (N, K), probabilities (N, K), embedding (N, D), map (N, h, w)."""
        images = self.network.normalise(image.permute(0, 3, 1, 2))
        embedding, features = self._embed(images)
        logits = self.network.head(embedding)
        probabilities = torch.softmax(logits / self.temperature, dim=1)
        if features is None:
            return logits, probabilities, embedding
        # Zhou et al. 2016: the head's weights of the top class over the features before pooling.
        weights = self.network.head.weight[logits.argmax(dim=1)]
        return logits, probabilities, embedding, torch.einsum("nd,ndhw->nhw", weights, features)

    def _embed(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        if self.network.map_layer is None:
            return self.network.trunk(images), None
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


def _pixel_scale(values: tuple[float, float, float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1) * 255


def example_images(spec: PreprocessSpec) -> Tensor:
    """Return a batch of two for tracing: the exporter takes a batch of one for a constant."""
    return torch.zeros(2, *spec.crop_hw, 3, dtype=torch.uint8)
