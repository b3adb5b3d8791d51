"""A short trial of learning rates."""

from collections.abc import Sequence

import pytest
import torch

from tests.training.finetuning.test_loop import settings, step_plan
from tests.training.step_images import images_of
from training.backbones.build import Backbone
from training.data.split import Dataset
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.planning.lr_sweep import (
    FACTORS,
    LEAST_STEPS,
    SCRATCH_FACTORS,
    sweep_rates,
    sweep_steps,
)

pytestmark = pytest.mark.training


def test_only_long_runs_spare_steps_for_it() -> None:
    assert sweep_steps(100) == 0
    assert sweep_steps(500) == LEAST_STEPS
    assert sweep_steps(2_000) == 80


@pytest.mark.parametrize(
    ("around", "factors", "best"),
    [(1e-6, FACTORS, 2), (30.0, FACTORS, 0), (1e-6, SCRATCH_FACTORS, 1)],
)
def test_the_rate_with_the_lowest_validation_loss_is_taken(
    backbone: Backbone, dataset: Dataset, around: float, factors: Sequence[float], best: int
) -> None:
    """Far too small, the largest is best; far too large, the smallest. From scratch none is larger."""
    torch.manual_seed(0)
    network = TransferNetwork(backbone, 3)
    before = network.head.weight.clone()
    validation = ValidationImages(
        pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
    )
    told: list[tuple[float, float | None]] = []
    rate = sweep_rates(
        network,
        images_of(dataset),
        validation,
        settings(learning_rate=around, layer_decay=1.0),
        step_plan(100),
        steps=6,
        factors=factors,
        on_trial=lambda rate, loss: told.append((rate, loss)),
    )
    assert [tried for tried, _ in told] == [around * factor for factor in factors]
    assert rate == told[best][0]
    assert torch.equal(network.head.weight, before)
