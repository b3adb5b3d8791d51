"""Rates by depth, and what decays."""

import dataclasses

import pytest
import torch

from tests.training.finetuning.test_loop import settings
from training.backbones.build import Backbone
from training.backbones.layer_groups import layer_groups
from training.finetuning.optimizer import build_optimizer, set_rate
from training.networks.transfer_network import TransferNetwork

pytestmark = pytest.mark.training


@pytest.fixture
def network(backbone: Backbone) -> TransferNetwork:
    """Return the tiny network."""
    return TransferNetwork(backbone, 3)


def groups(network: TransferNetwork, **changes: object) -> dict[str, dict[str, object]]:
    """Return the group of each parameter, by its name."""
    optimizer = build_optimizer(network, dataclasses.replace(settings(), **changes))  # type: ignore[arg-type]
    names = {parameter: name for name, parameter in network.named_parameters()}
    found = {names[p]: group for group in optimizer.param_groups for p in group["params"]}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(names)
    assert found.keys() == set(names.values())
    return found


def test_norms_and_biases_do_not_decay(network: TransferNetwork) -> None:
    for name, group in groups(network, weight_decay=0.3).items():
        matrix = network.get_parameter(name).ndim >= 2
        assert group["weight_decay"] == (0.3 if matrix else 0.0), name


def test_rates_fall_with_the_distance_from_the_head(network: TransferNetwork) -> None:
    found = groups(network, learning_rate=1e-3, layer_decay=0.5, head_rate_factor=4.0)
    depths = layer_groups(network.trunk)
    assert len(depths) > 2
    for above, parameters in enumerate(reversed(depths)):
        for name, _ in parameters:
            rate = found[f"trunk.{name}"]["peak_rate"]
            assert rate == pytest.approx(1e-3 * 0.5**above), name
    assert found["head.weight"]["peak_rate"] == pytest.approx(4e-3)


def test_frozen_weights_are_left_out(network: TransferNetwork) -> None:
    network.trunk.requires_grad_(False)
    optimizer = build_optimizer(network, settings())
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 2
    network.trunk.requires_grad_(True)


def test_the_schedule_multiplies_each_peak() -> None:
    first, second = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD(
        [{"params": [first], "peak_rate": 1.0}, {"params": [second], "peak_rate": 0.1}], lr=1.0
    )
    set_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.05]
