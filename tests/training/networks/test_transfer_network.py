"""The network around the trunk: its normalisation and its head."""

import numpy as np
import pytest
import torch
from torchvision.transforms.functional import normalize

from training.backbones.build import Backbone
from training.networks.transfer_network import TransferNetwork, TrunkGraph, serving_outputs

pytestmark = pytest.mark.training


def noise() -> torch.Tensor:
    """Return four images (N, H, W, 3) uint8."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    return torch.from_numpy(pixels)


def test_normalisation_is_torchvisions(backbone: Backbone) -> None:
    images = noise().permute(0, 3, 1, 2)
    network = TransferNetwork(backbone, 3)
    expected = normalize(images / 255, list(backbone.spec.mean), list(backbone.spec.std))
    assert torch.allclose(network.normalise(images), expected, atol=1e-5)


@torch.inference_mode()
def test_training_and_serving_give_the_same_logits(network: TransferNetwork) -> None:
    """One sees (N, 3, H, W), the other the (N, H, W, 3) that a decoder gives."""
    outputs = serving_outputs(network, noise(), 1.0)
    logits = network(noise().permute(0, 3, 1, 2))
    assert torch.allclose(outputs["logits"], logits, atol=1e-5)


@torch.inference_mode()
def test_the_features_average_to_the_embedding(network: TransferNetwork) -> None:
    embedding, features = TrunkGraph(network)(noise())
    assert torch.allclose(features.mean((2, 3)), embedding, rtol=1e-3, atol=1e-5)


@torch.inference_mode()
def test_reading_the_features_leaves_no_hook_behind(network: TransferNetwork) -> None:
    assert network.map_layer is not None
    TrunkGraph(network)(noise())
    assert not network.trunk.get_submodule(network.map_layer)._forward_hooks
