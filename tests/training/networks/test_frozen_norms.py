"""BatchNorm layers folded into convolutions: the same answers, the same gradients."""

from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from training.networks.frozen_norms import find_pairs, folded_norms

pytestmark = pytest.mark.training

EXAMPLE = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def with_random_norms(network: nn.Module) -> nn.Module:
    """Return a network in float64 whose BatchNorm layers do something, and stand still."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(std=0.1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
                nn.init.normal_(module.bias, std=0.1, generator=generator)
    return network.double().eval()


def answers_and_gradients(network: nn.Module) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what a network says of the example, and the gradients of a loss."""
    network.zero_grad()
    answer: Tensor = network(EXAMPLE)
    (answer**2).mean().backward()  # type: ignore[no-untyped-call]
    return answer.detach(), {
        name: value.grad.clone()
        for name, value in network.named_parameters()
        if value.grad is not None
    }


@pytest.mark.parametrize(
    ("build", "convolutions"),
    [
        pytest.param(lambda: timm.create_model("resnet18", num_classes=3), 20, id="resnet"),
        # TensorFlow's padding, and activations within the BatchNorm layers.
        pytest.param(
            lambda: timm.create_model("tf_efficientnet_lite0", num_classes=3), 49, id="efficientnet"
        ),
        pytest.param(
            lambda: torchvision.models.mobilenet_v3_small(num_classes=3), 34, id="mobilenet"
        ),
        # The others' BatchNorm layers come before the convolutions.
        pytest.param(lambda: timm.create_model("densenet121", num_classes=3), 59, id="densenet"),
    ],
)
def test_answers_and_gradients_stay_the_same(build: Any, convolutions: int) -> None:
    torch.manual_seed(0)
    network = with_random_norms(build())
    answer, gradients = answers_and_gradients(network)
    with folded_norms(network, EXAMPLE) as num_folded:
        assert num_folded == convolutions
        folded_answer, folded_gradients = answers_and_gradients(network)
    torch.testing.assert_close(folded_answer, answer)
    assert folded_gradients.keys() == gradients.keys()
    torch.testing.assert_close(folded_gradients, gradients)


def test_folded_layers_are_not_run() -> None:
    norm = nn.BatchNorm2d(4)
    network = with_random_norms(nn.Sequential(nn.Conv2d(3, 4, 3), norm))
    given = torch.rand(2, 4, 8, 8, dtype=torch.float64)
    with folded_norms(network, EXAMPLE):
        assert torch.equal(norm(given), given)
    assert not torch.allclose(norm(given), given)


def test_bias_and_padding_of_the_convolution_stay() -> None:
    convolution = nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect", bias=True)
    plain = nn.BatchNorm2d(4, affine=False)
    network = with_random_norms(nn.Sequential(convolution, plain))
    answer, gradients = answers_and_gradients(network)
    with folded_norms(network, EXAMPLE) as num_folded:
        assert num_folded == 1
        torch.testing.assert_close(answers_and_gradients(network), (answer, gradients))


def test_the_network_is_left_as_it_was() -> None:
    network = with_random_norms(timm.create_model("resnet18", num_classes=3))
    names, before = list(network.state_dict()), answers_and_gradients(network)
    network.train()
    with folded_norms(network, EXAMPLE):
        assert list(network.state_dict()) == names
        assert network.training
    assert network.training
    torch.testing.assert_close(answers_and_gradients(network.eval()), before, rtol=0, atol=0)
    assert not any("forward" in vars(module) for module in network.modules())


class Shared(nn.Module):
    """A convolution whose result is used beside the BatchNorm layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, images: Tensor) -> Tensor:
        """Return the sum of both."""
        found: Tensor = self.convolution(images)
        normalised: Tensor = self.norm(found)
        return normalised + found


def test_a_result_with_another_use_is_not_folded() -> None:
    network = with_random_norms(Shared())
    answer = network(EXAMPLE)
    with folded_norms(network, EXAMPLE) as num_folded:
        assert num_folded == 0
        assert torch.equal(network(EXAMPLE), answer)


def test_a_layer_that_is_used_twice_is_not_folded() -> None:
    convolution = nn.Conv2d(3, 3, 3)
    norms = [nn.BatchNorm2d(3), nn.BatchNorm2d(3)]
    network = with_random_norms(nn.Sequential(convolution, norms[0], convolution, norms[1]))
    assert find_pairs(network, EXAMPLE) == []


def test_an_activation_between_the_two_is_seen() -> None:
    """It hands on the very tensor that it was given, changed."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.BatchNorm2d(4))
    assert find_pairs(with_random_norms(network), EXAMPLE) == []


def test_norms_without_statistics_are_left_alone() -> None:
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), norm).double()
    assert find_pairs(network, EXAMPLE) == []
