"""Replacing what a module does for a while."""

import pytest
import torch
from torch import Tensor, nn

from training.networks.replaced_forward import replaced_forward

pytestmark = pytest.mark.training


def twice(given: Tensor) -> Tensor:
    """Return the double."""
    return 2 * given


def thrice(given: Tensor) -> Tensor:
    """Return the triple."""
    return 3 * given


def test_a_module_is_replaced_within_its_network() -> None:
    network = nn.Sequential(nn.Identity())
    with replaced_forward(network[0], twice):
        assert network(torch.tensor(5.0)) == 10
    assert network(torch.tensor(5.0)) == 5


def test_blocks_may_be_nested() -> None:
    module = nn.Identity()
    with replaced_forward(module, twice):
        with replaced_forward(module, thrice):
            assert module(torch.tensor(1.0)) == 3
        assert module(torch.tensor(1.0)) == 2
    assert module(torch.tensor(1.0)) == 1


def test_an_error_in_the_block_leaves_the_module_as_it_was() -> None:
    module = nn.Identity()
    with pytest.raises(ZeroDivisionError), replaced_forward(module, twice):
        raise ZeroDivisionError
    assert module(torch.tensor(1.0)) == 1
