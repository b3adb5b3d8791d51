"""How long a run is."""

import math

import pytest
import torch

from tests.training.conftest import SIDE_PX
from tests.training.finetuning.test_loop import settings
from tests.training.step_images import images_of
from training.backbones.build import Backbone
from training.data.split import Dataset
from training.finetuning.step_plan import StepPlan
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.planning.num_steps import (
    StepTimes,
    describe_steps,
    early_size,
    measure_times,
    plan_steps,
    wanted_steps,
)
from training.runtime.time_budget import TimeBudget

pytestmark = pytest.mark.training

TIMING = StepTimes(early_step_s=1.0, final_step_s=3.5, val_image_s=0.01)


def plan(
    wanted: int = 500,
    *,
    left_s: float | None = None,
    after_s: float = 0.0,
    fixed: bool = False,
    images: int = 100,
) -> StepPlan:
    """Return the course for some time left."""
    return plan_steps(
        wanted,
        TIMING,
        images,
        early_hw=(128, 128),
        final_hw=(224, 224),
        budget=TimeBudget.starting_now(math.inf if left_s is None else left_s),
        after_s=after_s,
        fixed=fixed,
    )


@pytest.mark.parametrize(
    ("images", "steps"), [(44, 83), (510, 500), (2_000, 716), (20_000, 2_263), (1_000_000, 93_750)]
)
def test_more_images_get_more_steps_and_few_are_not_seen_for_ever(images: int, steps: int) -> None:
    assert wanted_steps(images, 32, scratch=False) == pytest.approx(steps, abs=1)


def test_from_scratch_takes_longer() -> None:
    assert wanted_steps(1_300, 32, scratch=True) == 3_000
    assert wanted_steps(60_000, 32, scratch=True) == 56_250


def test_without_a_budget_the_data_decide() -> None:
    assert plan(500).num_steps == 500


def test_a_budget_is_filled_with_steps_that_fit() -> None:
    """A step takes 1.5 s on average, validation under a tenth of the time."""
    step_plan = plan(500, left_s=300)
    assert 180 <= step_plan.num_steps <= 200
    assert step_plan.num_steps * 1.5 + step_plan.num_validations * 1.0 <= 300


def test_a_long_budget_is_used_up_to_three_times_what_is_enough() -> None:
    assert plan(100, left_s=100_000).num_steps == 300
    assert plan(100, left_s=100_000, fixed=True).num_steps == 100


def test_no_time_leaves_one_step() -> None:
    step_plan = plan(500, left_s=-5)
    assert (step_plan.num_steps, step_plan.num_validations) == (1, 1)


def test_many_validation_images_are_looked_at_less_often() -> None:
    assert plan(500, left_s=350, images=1_000).num_validations == 2
    assert plan(500, left_s=300, images=100).num_validations == 10


def test_early_images_are_smaller_where_the_network_takes_them(backbone: Backbone) -> None:
    network = TransferNetwork(backbone, 3)
    assert early_size(network, (224, 224)) == (128, 128)
    assert early_size(network, (300, 300)) == (160, 160)
    assert early_size(network, (SIDE_PX, SIDE_PX)) == (SIDE_PX, SIDE_PX)


def test_a_network_of_one_size_keeps_it(backbone: Backbone) -> None:
    class OneSize(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            assert images.shape[-1] == 224
            return images.mean((2, 3))

    network = TransferNetwork(backbone, 3)
    network.trunk = OneSize()
    assert early_size(network, (224, 224)) == (224, 224)


def test_times_are_measured_and_the_network_is_left_as_it_was(
    backbone: Backbone, dataset: Dataset
) -> None:
    network = TransferNetwork(backbone, 3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    validation = ValidationImages(
        pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
    )
    step_times = measure_times(
        network,
        images_of(dataset),
        validation,
        settings(),
        early_hw=(32, 32),
        final_hw=(SIDE_PX, SIDE_PX),
    )
    assert min(step_times.early_step_s, step_times.final_step_s, step_times.val_image_s) > 0
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_plan_is_told_in_words() -> None:
    text = describe_steps(plan(100), TIMING, 32, 640)
    assert text == (
        "100 steps, batch size 32, 5.0 epochs, 128 px, the last fifth at 224 px, about 2.5 min at 21 "
        "images/s"
    )


def test_time_is_kept_for_choosing_among_the_weights() -> None:
    """Four looks at 1,000 images of a hundredth of a second."""
    few, many = (plan(500, left_s=300, images=images) for images in (1, 1_000))
    assert many.closing_s - few.closing_s == pytest.approx(4 * 999 * 0.01)
    assert many.num_steps < few.num_steps


def test_time_is_kept_for_what_follows() -> None:
    assert plan(500, left_s=300, after_s=100).num_steps == plan(500, left_s=200).num_steps
