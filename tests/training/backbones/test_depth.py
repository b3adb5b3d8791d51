"""Layers by depth."""

import pytest
import timm
import torchvision
from torch import nn

from training.backbones.depth import layer_groups

pytestmark = pytest.mark.training


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_vit", "test_convnext"])
def test_every_parameter_is_in_one_group_in_the_networks_order(name: str) -> None:
    trunk = timm.create_model(name, pretrained=False)
    names = [key for group in layer_groups(trunk) for key, _ in group]
    assert sorted(names) == sorted(key for key, _ in trunk.named_parameters())
    assert len(names) == len(set(names))
    assert len(layer_groups(trunk)) > 3


def test_stages_are_apart_and_in_order() -> None:
    trunk = timm.create_model("resnet18", pretrained=False)
    first = [group[0][0].split(".")[0] for group in layer_groups(trunk)]
    assert first == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"]


def test_a_sequence_of_features_is_taken_apart() -> None:
    trunk = torchvision.models.alexnet(weights=None)
    first = [group[0][0] for group in layer_groups(trunk)]
    assert first == [f"features.{i}.weight" for i in (0, 3, 6, 8, 10)] + ["classifier.1.weight"]


def test_a_network_without_weights_has_no_groups() -> None:
    assert layer_groups(nn.ReLU()) == []
