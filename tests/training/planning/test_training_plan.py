"""How long a run is planned to be."""

import dataclasses

import pytest

from tests.training.conftest import quiet
from training.finetuning.task import TrainingTask
from training.planning.num_steps import wanted_steps
from training.planning.training_plan import make_plan

pytestmark = pytest.mark.training


@pytest.mark.parametrize(("stretched", "times"), [(True, 3), (False, 1)])
def test_time_that_is_left_makes_a_run_longer_where_it_may(
    task: TrainingTask, stretched: bool, times: int
) -> None:
    """The task has ten minutes, the tiny network needs seconds."""
    images = task.images
    wanted = wanted_steps(images.num_images, images.images_per_step, scratch=False)
    plan = make_plan(dataclasses.replace(task, stretched=stretched), quiet())
    assert plan.step_plan.num_steps == plan.step_plan.most_steps == times * wanted
