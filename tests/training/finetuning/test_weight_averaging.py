"""The average of a run's weights."""

import pytest
import torch
from torch import nn

from training.finetuning.weight_averaging import (
    WeightAverage,
    decay_of,
    interpolate,
    load_copy,
    mean_weights,
)

pytestmark = pytest.mark.training


def layer(value: float) -> nn.Module:
    """Return a layer whose weights are all the same, with a counter beside them."""
    network = nn.BatchNorm1d(2)
    nn.init.constant_(network.weight, value)
    return network


def test_constant_weights_are_their_own_average() -> None:
    average = WeightAverage.of(layer(3))
    for _ in range(5):
        average.update(layer(3).state_dict(), 0.9)
    assert torch.allclose(average.weights["weight"], torch.tensor(3.0))


def test_the_average_follows_with_its_half_life() -> None:
    average = WeightAverage(dict(layer(0).state_dict()), num_updates=10_000)
    decay = decay_of(1000)
    for _ in range(80):  # 8 % of 1000 steps
        average.update(layer(1).state_dict(), decay)
    assert float(average.weights["weight"][0]) == pytest.approx(0.5, abs=0.01)


def test_early_steps_are_not_held_back_by_the_first_weights() -> None:
    average = WeightAverage.of(layer(0))
    for _ in range(20):
        average.update(layer(1).state_dict(), 0.9999)
    assert float(average.weights["weight"][0]) > 0.8


def test_counters_are_copied_not_averaged() -> None:
    network = layer(1)
    average = WeightAverage.of(network)
    network.get_buffer("num_batches_tracked").fill_(7)
    average.update(network.state_dict(), 0.9)
    assert int(average.weights["num_batches_tracked"]) == 7


def test_the_average_is_apart_from_the_network() -> None:
    network = layer(1)
    average = WeightAverage.of(network)
    nn.init.constant_(network.get_parameter("weight"), 5)
    assert float(average.weights["weight"][0]) == 1


def test_the_mean_of_networks_has_each_of_them_alike() -> None:
    networks = [layer(value) for value in (1, 2, 6)]
    networks[0].get_buffer("num_batches_tracked").fill_(7)
    mean = mean_weights([network.state_dict() for network in networks])
    assert mean["weight"].tolist() == pytest.approx([3, 3])
    assert int(mean["num_batches_tracked"]) == 7
    assert networks[0].get_parameter("weight").tolist() == [1, 1]


def test_interpolation_goes_from_the_first_to_the_second() -> None:
    first, second = layer(0).state_dict(), layer(4).state_dict()
    for share, expected in ((0.0, 0.0), (0.25, 1.0), (1.0, 4.0)):
        assert float(interpolate(first, second, share)["weight"][0]) == expected


def test_a_loaded_copy_leaves_the_network_as_it_was() -> None:
    network = layer(1)
    other = load_copy(network, layer(2).state_dict())
    assert float(other.state_dict()["weight"][0]) == 2
    assert float(network.state_dict()["weight"][0]) == 1
    assert not other.training
