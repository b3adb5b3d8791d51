"""Whether a budget is better spent on a network's last stages alone, and where they begin."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import torch

from training.augmentation.batches import TrainingImages
from training.backbones.split_points import SplitPoint
from training.finetuning.last_stages import (
    CachedActivations,
    LastStagesNetwork,
    cache_activations,
    cache_validation,
    find_cuts,
    shape_hwd,
    split_network,
)
from training.finetuning.step_plan import StepPlan
from training.finetuning.task import TrainingTask
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.planning.budget_shares import CACHING_SHARE
from training.planning.num_steps import StepTimes, measure_times, plan_steps, wanted_steps
from training.runtime.progress import Display

# With 45 steps the whole network was worse than the probe that it began as, with 113 it was level with
# its last stages given the same time (docs/benchmarks/training-2026-11.md).
FEW_STEPS: Final = 100
# The last stages take at most this share of the network's time for an image.
_LAST_STAGES_SHARE: Final = 0.3
_MOST_VIEWS: Final = 4
_MOST_BYTES: Final = 2**30
_TIMED_IMAGES: Final = 4

# Does some work, and returns the seconds that it takes.
MeasureSeconds = Callable[[Callable[[], object]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastStages:
    """Which part of a network is trained: from the module `cut` on, by `num_views` of each image."""

    cut: str
    num_views: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastStagesOption:
    """Last stages that could be trained in the time that is left, and for how many steps.

    `caching_s` are the seconds before its first step, `share` is its part of the network's weights.
    """

    last_stages: LastStages
    step_plan: StepPlan
    step_times: StepTimes
    caching_s: float
    share: float


def shortest_s(work: Callable[[], object]) -> float:
    """Return the shortest of three times: the first one also pays for set-up."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def plan_last_stages(
    task: TrainingTask,
    *,
    num_steps: int,
    val_image_s: float,
    measure_s: MeasureSeconds = shortest_s,
) -> LastStagesOption | None:
    """Return the last stages to train instead of the whole network, which has time for `num_steps` steps.

    `val_image_s`: of the whole network in PyTorch; `measure_s` times its parts. None where the whole
    network has time for more than a few steps, where nothing is to be gained, on a GPU, with several
    processes, and of networks that cannot be cut (vision transformers).
    """
    settings = task.settings
    if num_steps >= FEW_STEPS or not _may_be_cut(task) or settings.device.type != "cpu":
        return None
    network, side_hw = copy.deepcopy(task.start).eval(), task.backbone.spec.crop_hw
    cut = _choose_cut(network, side_hw, measure_s)
    if cut is None:
        return None
    image_s = _cached_image_s(task, side_hw, measure_s)
    num_views = _count_views(task, cut, image_s)
    if num_views == 0:
        return None
    last_stages = LastStagesNetwork(network, cut)
    num_images, num_val = task.images.num_images, len(task.validation.rows)
    caching_s = task.export_s + image_s * (num_views * num_images + num_val)
    step_times = _time_steps(task, last_stages, shape_hwd(cut))
    # The whole network is compared with its exported file all the same.
    step_plan = _plan_course(task, step_times, shape_hwd(cut), caching_s, val_image_s * num_val)
    if step_plan.num_steps <= num_steps:
        return None
    weights = [sum(p.numel() for p in part.parameters()) for part in (last_stages, network)]
    return LastStagesOption(
        last_stages=LastStages(cut=cut.name, num_views=num_views),
        step_plan=step_plan,
        step_times=step_times,
        caching_s=caching_s,
        share=weights[0] / weights[1],
    )


def last_stages_task(task: TrainingTask, last_stages: LastStages, display: Display) -> TrainingTask:
    """Return the task of training the last stages: its images are activations, computed here."""
    assert isinstance(task.images, TrainingImages)
    network, side_hw = copy.deepcopy(task.start).eval(), task.backbone.spec.crop_hw
    cut = next(cut for cut in find_cuts(network, side_hw) if cut.name == last_stages.cut)
    with display.stage("exporting the frozen stages"):
        split = split_network(network, cut, task.backbone.spec)
    total = last_stages.num_views * task.images.num_images
    with display.bar("caching activations", total) as advance:
        views = cache_activations(
            split, task.images, num_views=last_stages.num_views, side_hw=side_hw, advance=advance
        )
        validation = cache_validation(split, task.validation)
    return replace(task, start=split.last_stages, images=views, validation=validation)


def describe_last_stages(option: LastStagesOption, images_per_step: int, total: int) -> str:
    """Return the plan in words."""
    steps = option.step_plan.num_steps
    epochs = steps * images_per_step / total
    return (
        f"freeze the network up to {option.last_stages.cut!r} and train the rest "
        f"({100 * option.share:.0f} % of the parameters), as the whole network has time for fewer than "
        f"{FEW_STEPS} steps; cache {option.last_stages.num_views} augmented views of each image "
        f"({option.caching_s / 60:.1f} min), then {steps} steps, batch size {images_per_step}, "
        f"{epochs:.1f} epochs ({steps * option.step_times.mean_step_s() / 60:.1f} min)"
    )


def _may_be_cut(task: TrainingTask) -> bool:
    """Whether the clock decides on the run's length, and one process reads the images."""
    return (
        task.budget.limited
        and task.method == "finetune"
        and task.config.epochs is None
        and isinstance(task.images, TrainingImages)
        and task.images.shard.of == 1
    )


def _choose_cut(
    network: TransferNetwork, side_hw: tuple[int, int], measure_s: MeasureSeconds
) -> SplitPoint | None:
    """Return the earliest cut whose last stages are still cheap."""
    images = torch.zeros(_TIMED_IMAGES, 3, *side_hw, dtype=torch.uint8)
    chosen = None
    with torch.no_grad():  # not inference mode: cuts are found by what changes in place
        enough_s = _LAST_STAGES_SHARE * measure_s(partial(network, images))
        for cut in reversed(find_cuts(network, side_hw)):
            given = torch.zeros(_TIMED_IMAGES, *cut.shape)
            if measure_s(partial(cut.back, given)) > enough_s:
                break
            chosen = cut
    return chosen


def _cached_image_s(
    task: TrainingTask, side_hw: tuple[int, int], measure_s: MeasureSeconds
) -> float:
    """Return the seconds in which an image is changed, and answered by less than the whole network."""
    assert isinstance(task.images, TrainingImages)
    changed_s = measure_s(partial(task.images.batch, 0, side_hw)) / task.images.images_per_step
    return changed_s + task.feature_s


def _count_views(task: TrainingTask, cut: SplitPoint, image_s: float) -> int:
    """Return how many views of each image there is time and memory for."""
    left_s = task.budget.left_s - task.after_s
    num_images, num_val = task.images.num_images, len(task.validation.rows)
    answers = (CACHING_SHARE * left_s - task.export_s) / image_s - num_val
    view_bytes = 2 * num_images * int(np.prod(cut.shape))
    return max(0, min(_MOST_VIEWS, int(answers / num_images), _MOST_BYTES // view_bytes))


def _time_steps(
    task: TrainingTask, last_stages: LastStagesNetwork, shape: tuple[int, int, int]
) -> StepTimes:
    """Measure the steps of the last stages on activations that take no memory: all of them the same zero."""
    assert isinstance(task.images, TrainingImages)
    zero = np.zeros((1, 1, *shape), np.float16)
    rows = np.arange(len(task.validation.rows))
    return measure_times(
        last_stages,
        CachedActivations(
            images=task.images, views=np.broadcast_to(zero, (1, task.images.num_images, *shape))
        ),
        ValidationImages(
            pixels=np.broadcast_to(zero[0], (len(rows), *shape)),
            rows=rows,
            targets=task.validation.targets,
        ),
        task.settings,
        early_hw=shape[:2],
        final_hw=shape[:2],
    )


def _plan_course(
    task: TrainingTask,
    step_times: StepTimes,
    shape: tuple[int, int, int],
    caching_s: float,
    comparing_s: float,
) -> StepPlan:
    images = task.images
    step_plan = plan_steps(
        wanted_steps(images.num_images, images.images_per_step, scratch=False),
        step_times,
        len(task.validation.rows),
        early_hw=shape[:2],
        final_hw=shape[:2],
        budget=task.budget,
        after_s=task.after_s + comparing_s + caching_s,
        fixed=not task.stretched,
    )
    # When the first step is taken, that is over.
    return replace(step_plan, closing_s=step_plan.closing_s - caching_s)
