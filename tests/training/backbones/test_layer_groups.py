"""Layers by depth: every parameter once, in the order in which an image meets them."""

from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn

from training.backbones.layer_groups import MAX_GROUPS, layer_groups

pytestmark = pytest.mark.training


def first_names(trunk: nn.Module) -> list[str]:
    """Return the name of each group's first parameter."""
    return [group[0][0] for group in layer_groups(trunk)]


def order_of_use(trunk: nn.Module, images: torch.Tensor) -> list[str]:
    """Return the modules that hold parameters themselves, in the order of their first call."""
    names: list[str] = []

    def note(name: str) -> Any:
        return lambda *_: names.append(name)

    owners = {name.rpartition(".")[0] for name, _ in trunk.named_parameters()}
    handles = [
        m.register_forward_pre_hook(note(n)) for n, m in trunk.named_modules() if n in owners
    ]
    with torch.inference_mode():
        trunk.eval()(images)
    for handle in handles:
        handle.remove()
    return list(dict.fromkeys(names))


@pytest.mark.parametrize(
    "name",
    ["test_resnet", "test_efficientnet", "test_vit", "test_convnext", "test_vit4", "repvit_m0_9"],
)
def test_every_parameter_is_in_one_group(name: str) -> None:
    with torch.device("meta"):
        trunk = timm.create_model(name, pretrained=False, num_classes=0)
    names = [key for group in layer_groups(trunk) for key, _ in group]
    assert sorted(names) == sorted(key for key, _ in trunk.named_parameters())
    assert 3 < len(layer_groups(trunk)) <= MAX_GROUPS


@pytest.mark.parametrize(
    "name",
    [
        "timm/test_resnet",
        "timm/test_efficientnet",
        "timm/test_convnext",
        "timm/mobilenetv3_small_050",
        "torchvision/resnet18",
        "torchvision/shufflenet_v2_x0_5",
        "torchvision/squeezenet1_1",
    ],
)
def test_an_image_meets_the_groups_in_their_order(name: str) -> None:
    source, _, model = name.partition("/")
    trunk: nn.Module = (
        timm.create_model(model, pretrained=False, num_classes=0)
        if source == "timm"
        else torchvision.models.get_model(model, weights=None)
    )
    depth_of = {
        key.rpartition(".")[0]: depth
        for depth, group in enumerate(layer_groups(trunk))
        for key, _ in group
    }
    depths = [depth_of[owner] for owner in order_of_use(trunk, torch.zeros(1, 3, 64, 64))]
    assert depths == sorted(depths)
    assert depths[-1] == len(layer_groups(trunk)) - 1


def test_timms_stages_are_the_groups() -> None:
    """A stem, four stages; norms beside their convolutions and nothing of its own for the pooling."""
    with torch.device("meta"):
        trunk = timm.create_model("resnet18", pretrained=False, num_classes=0)
    assert [name.split(".")[0] for name in first_names(trunk)] == [
        "conv1",
        "layer1",
        "layer2",
        "layer3",
        "layer4",
    ]


def test_a_sequence_of_features_is_opened() -> None:
    with torch.device("meta"):
        trunk = torchvision.models.alexnet(weights=None).features
    assert first_names(trunk) == [f"{i}.weight" for i in (0, 3, 6, 8, 10)]


def test_what_lies_deep_is_found() -> None:
    """torchvision's transformer keeps its blocks two levels down."""
    with torch.device("meta"):
        trunk = torchvision.models.vit_b_16(weights=None)
    trunk.heads = nn.Identity()
    groups = layer_groups(trunk)
    assert len(groups) == MAX_GROUPS
    assert groups[-1][0][0].startswith("encoder.layers.encoder_layer_1")


def test_a_norm_belongs_to_the_convolution_before_it() -> None:
    trunk = nn.Sequential(
        *(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)) for _ in range(2)),
        nn.Conv2d(3, 3, 1),
        nn.BatchNorm2d(3),
    )
    names = [[name for name, _ in group] for group in layer_groups(trunk)]
    assert [group[0] for group in names] == ["0.0.weight", "1.0.weight", "2.weight"]
    assert names[-1] == ["2.weight", "2.bias", "3.weight", "3.bias"]


def test_many_stages_are_put_together_evenly() -> None:
    trunk = nn.Sequential(*(nn.Conv2d(3, 3, 1, bias=False) for _ in range(40)))
    groups = layer_groups(trunk)
    assert len(groups) == MAX_GROUPS
    assert {len(group) for group in groups} == {3, 4}
    assert [name for group in groups for name, _ in group] == [f"{i}.weight" for i in range(40)]


def test_a_network_without_weights_has_no_groups() -> None:
    assert layer_groups(nn.ReLU()) == []
