"""Depthwise convolutions in float32 within a network that computes in bfloat16."""

import pytest
import torch
from torch import nn

from training.networks.float32_depthwise import float32_depthwise

pytestmark = pytest.mark.training


def autocast() -> torch.autocast:
    """Return what training in bfloat16 on a CPU does."""
    return torch.autocast("cpu", torch.bfloat16)


def test_a_depthwise_convolution_rounds_its_result_only() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(8, 8, 3, groups=8)
    given = torch.rand(2, 8, 16, 16).to(torch.bfloat16)
    exact = convolution(given.float()).to(torch.bfloat16)
    with autocast(), float32_depthwise(convolution):
        found = convolution(given)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, exact)
    with autocast():
        assert not torch.equal(convolution(given), exact)


def test_gradients_come_through_in_float32() -> None:
    convolution = nn.Conv2d(8, 8, 3, groups=8)
    with autocast(), float32_depthwise(convolution):
        convolution(torch.rand(2, 8, 16, 16)).sum().backward()
    assert convolution.weight.grad is not None
    assert convolution.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("groups", [1, 4])
def test_other_convolutions_stay_in_bfloat16(groups: int) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(8, 8, 3, groups=groups)
    given = torch.rand(2, 8, 16, 16)
    with autocast():
        expected = convolution(given)
        with float32_depthwise(convolution):
            assert torch.equal(convolution(given), expected)


def test_a_grey_image_has_one_channel_and_no_depth() -> None:
    """Of one channel to several, each group is the whole."""
    convolution = nn.Conv2d(1, 8, 3)
    with float32_depthwise(convolution):
        assert "forward" not in vars(convolution)
