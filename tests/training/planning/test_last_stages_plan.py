"""When a network's last stages are trained alone, and which."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.training.conftest import SIDE_PX, quiet
from tests.training.step_images import SIDE_HW, images_of
from training.data.split import Dataset
from training.finetuning.task import TrainingTask
from training.planning import last_stages_plan as tail_plan
from training.planning.last_stages_plan import (
    FEW_STEPS,
    LastStages,
    LastStagesOption,
    describe_last_stages,
    last_stages_task,
    plan_last_stages,
)
from training.runtime.distributed import Shard
from training.runtime.time_budget import TimeBudget

pytestmark = pytest.mark.training


def counted_s(work: Callable[[], object]) -> float:
    """Return the time of some work on a machine whose speed never changes: 10 GFLOP/s."""
    with FlopCounterMode(display=False) as counter:
        work()
    return 1e-6 + float(counter.get_total_flops()) / 1e10


def offered(task: TrainingTask, *, num_steps: int = 3) -> LastStagesOption:
    option = plan_last_stages(task, num_steps=num_steps, val_image_s=0.01, measure_s=counted_s)
    assert option is not None
    return option


def test_a_budget_for_few_steps_goes_to_the_last_stages(task: TrainingTask) -> None:
    before = copy.deepcopy(task.start.state_dict())
    option = offered(task)
    assert option.last_stages.num_views == 4
    assert option.step_plan.num_steps > 3
    assert 0 < option.share < 1
    assert all(torch.equal(value, before[n]) for n, value in task.start.state_dict().items())


def test_what_is_planned_ends_in_time(task: TrainingTask) -> None:
    left_s = 20.0
    option = offered(dataclasses.replace(task, budget=TimeBudget.starting_now(left_s), after_s=0.5))
    steps_s = option.step_plan.num_steps * option.step_times.mean_step_s()
    assert option.caching_s < 0.5 * left_s
    assert option.caching_s + steps_s + 0.5 <= left_s
    assert option.step_plan.closing_s >= 0.5


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": TimeBudget.starting_now()},
        {"method": "scratch"},
        {"budget": TimeBudget.starting_now(0.0)},
    ],
    ids=["no budget", "random weights", "no time at all"],
)
def test_else_the_whole_network_is_trained(task: TrainingTask, changes: dict[str, Any]) -> None:
    assert (
        plan_last_stages(dataclasses.replace(task, **changes), num_steps=3, val_image_s=0.01)
        is None
    )


def test_where_there_is_time_for_the_whole_network_it_is_trained(task: TrainingTask) -> None:
    assert plan_last_stages(task, num_steps=FEW_STEPS, val_image_s=0.01) is None


def test_a_number_of_passes_that_was_asked_for_is_kept(task: TrainingTask) -> None:
    config = dataclasses.replace(task.config, epochs=2.0)
    assert (
        plan_last_stages(dataclasses.replace(task, config=config), num_steps=3, val_image_s=0.01)
        is None
    )


def test_several_processes_train_the_whole_network(task: TrainingTask, dataset: Dataset) -> None:
    shared = images_of(dataset, shard=Shard(rank=0, of=2))
    assert (
        plan_last_stages(dataclasses.replace(task, images=shared), num_steps=3, val_image_s=0.01)
        is None
    )


def test_a_transformer_is_trained_as_a_whole(task: TrainingTask) -> None:
    start = copy.deepcopy(task.start)
    trunk = timm.create_model("test_vit", num_classes=0, img_size=SIDE_PX)
    start.trunk, start.head = trunk, torch.nn.Linear(trunk.num_features, 3)
    assert (
        plan_last_stages(dataclasses.replace(task, start=start), num_steps=3, val_image_s=0.01)
        is None
    )


def test_no_more_views_are_kept_than_memory_is_given(
    task: TrainingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = offered(task)
    halves_bytes = last_stages_task(task, option.last_stages, quiet()).images.views.nbytes  # type: ignore[attr-defined]
    monkeypatch.setattr(tail_plan, "_MOST_BYTES", halves_bytes // 2)
    assert offered(task).last_stages.num_views == 2
    monkeypatch.setattr(tail_plan, "_MOST_BYTES", halves_bytes // 5)
    assert plan_last_stages(task, num_steps=3, val_image_s=0.01, measure_s=counted_s) is None


def test_the_part_that_is_trained_is_that_of_the_plan(task: TrainingTask) -> None:
    part = last_stages_task(task, LastStages(cut="layer4.0", num_views=1), quiet())
    assert {name.split(".")[1] for name, _ in part.start.trunk.named_parameters()} == {"0"}
    assert part.images.num_images == task.images.num_images
    assert len(part.validation.rows) == len(task.validation.rows)
    assert task.backbone.spec.crop_hw == SIDE_HW


def test_the_plan_is_described_in_words(task: TrainingTask) -> None:
    option = dataclasses.replace(
        offered(task),
        share=0.642,
        caching_s=90.0,
        last_stages=LastStages(cut="blocks.5", num_views=4),
    )
    option = dataclasses.replace(
        option,
        step_plan=dataclasses.replace(option.step_plan, num_steps=60),
        step_times=dataclasses.replace(option.step_times, early_step_s=2.0, final_step_s=2.0),
    )
    assert describe_last_stages(option, 32, 640) == (
        "freeze the network up to 'blocks.5' and train the rest (64 % of the parameters), as the whole "
        "network has time for fewer than 100 steps; cache 4 augmented views of each image (1.5 min), "
        "then 60 steps, batch size 32, 3.0 epochs (2.0 min)"
    )
