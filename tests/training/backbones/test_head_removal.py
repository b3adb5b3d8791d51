"""Taking the head off: one network of each family, with random weights."""

from pathlib import Path

import pytest
import torch
from torch import nn

from training.backbones.build import Backbone, build_backbone
from training.backbones.head_removal import remove_torchvision_head
from training.config import FinetuneConfig
from training.errors import BackboneError

pytestmark = pytest.mark.training


def build(name: str, image_size: int) -> Backbone:
    """Build a backbone with random weights."""
    return build_backbone(
        FinetuneConfig(data=Path("photos"), backbone=name, weights="none", image_size=image_size)
    )


def map_of(backbone: Backbone, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the embedding and the mean of the map layer's output."""
    assert backbone.map_layer is not None
    seen: list[torch.Tensor] = []
    layer = backbone.trunk.get_submodule(backbone.map_layer)
    handle = layer.register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.inference_mode():
        embedding = backbone.trunk(images)
    handle.remove()
    assert seen[-1].ndim == 4
    assert seen[-1].shape[2:] != (1, 1)
    return embedding, seen[-1].mean((2, 3))


@pytest.mark.parametrize(
    ("name", "image_size", "width"),
    [
        ("timm/resnet18", 64, 512),
        ("timm/vgg11", 64, 512),
        ("timm/mobilenetv2_100", 64, 1280),
        ("timm/densenet121", 64, 1024),
        ("timm/mnasnet_050", 64, 1280),
        ("timm/test_efficientnet", 64, 256),
        ("torchvision/alexnet", 128, 256),
        ("torchvision/vgg11", 64, 512),
        ("torchvision/squeezenet1_1", 64, 512),
        ("torchvision/googlenet", 64, 1024),
        ("torchvision/shufflenet_v2_x0_5", 64, 1024),
        ("torchvision/resnet18", 64, 512),
    ],
)
def test_the_embedding_is_the_mean_of_the_features(name: str, image_size: int, width: int) -> None:
    """Pooling and a linear layer: then the class activation map is exact."""
    backbone = build(name, image_size)
    assert not backbone.trunk.training
    embedding, mean = map_of(backbone, torch.randn(3, 3, image_size, image_size))
    assert embedding.shape == (3, width) == (3, backbone.embedding_dim)
    assert torch.allclose(mean, embedding, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["timm/mobilenetv3_small_050", "torchvision/mobilenet_v3_small", "timm/test_vit"]
)
def test_a_network_with_more_behind_its_pooling_has_no_map(name: str) -> None:
    """MobileNetV3 has a layer between pooling and classifier, a ViT has tokens."""
    backbone = build(name, 64)
    with torch.inference_mode():
        embedding = backbone.trunk(torch.randn(3, 3, 64, 64))
    assert embedding.shape == (3, backbone.embedding_dim)
    assert backbone.map_layer is None


@pytest.mark.parametrize("name", ["timm/vgg11", "torchvision/vgg11", "torchvision/alexnet"])
def test_no_layer_of_4096_is_left(name: str) -> None:
    """They are 100 to 120 of VGG's 138 million weights."""
    backbone = build(name, 64 if "vgg" in name else 128)
    assert all(4096 not in p.shape for p in backbone.trunk.parameters())
    assert backbone.info.num_params < 10_000_000


def test_the_old_classifier_is_gone() -> None:
    for name in ("timm/resnet18", "torchvision/resnet18", "torchvision/squeezenet1_1"):
        trunk = build(name, 64).trunk
        assert all(1000 not in p.shape for p in trunk.parameters()), name


def test_googlenets_auxiliary_classifiers_are_gone() -> None:
    """In training mode they would give a tuple instead of an embedding."""
    trunk = build("torchvision/googlenet", 64).trunk.train()
    assert trunk(torch.randn(2, 3, 64, 64)).shape == (2, 1024)


def test_a_head_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BackboneError, match="unknown kind; use the timm version"):
        remove_torchvision_head(nn.Sequential(nn.Conv2d(3, 8, 3)))
