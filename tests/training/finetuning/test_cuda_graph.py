"""Steps recorded as a CUDA graph. Where there is no GPU, only what happens when none can be recorded."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.training.conftest import SIDE_PX
from tests.training.finetuning.test_loop import CPU, settings, step_plan
from tests.training.step_images import images_of
from training.augmentation.gpu_cache import cache_on_gpu
from training.data.split import Dataset
from training.finetuning.cuda_graph import GraphCapture
from training.finetuning.loop import NO_HOOKS, Hooks, StepReport, Trainer
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork

pytestmark = pytest.mark.training

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
GPU = torch.device("cuda", 0)
STEPS = 20

Begin = Callable[..., Trainer]


@pytest.fixture
def begin(network: TransferNetwork, dataset: Dataset) -> Begin:
    """Begin a run on the GPU; `launched` takes each step one kernel at a time."""
    validation = ValidationImages(
        pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
    )

    def begin(*, launched: bool = False, hooks: Hooks = NO_HOOKS, **changes: Any) -> Trainer:
        trainer = Trainer.begin(
            copy.deepcopy(network),
            cache_on_gpu(images_of(dataset), GPU),
            validation,
            settings(device=GPU, **changes),
            step_plan=step_plan(STEPS, records=4),
            hooks=hooks,
        )
        trainer.capture = None if launched else trainer.capture
        return trainer

    return begin


def weights_of(trainer: Trainer) -> Tensor:
    """Return all of a network's weights in a row."""
    return torch.cat([value.flatten().float() for value in trainer.network.state_dict().values()])


def moved(trainer: Trainer, start: Tensor) -> float:
    """Return how far from its start a run has come."""
    return float((weights_of(trainer) - start).norm())


@needs_gpu
@pytest.mark.parametrize("train_norms", [False, True], ids=["norms frozen", "norms trained"])
def test_what_is_played_back_is_the_step_that_was_recorded(begin: Begin, train_norms: bool) -> None:
    """Both sizes of image are recorded, and the class weights count."""
    changes = {"train_norms": train_norms, "class_weights": torch.tensor([1.0, 2.0, 0.5])}
    sides_px: set[int] = set()

    def look(report: StepReport) -> None:
        assert played.capture is not None
        if played.capture.captured_step is not None:
            sides_px.add(played.capture.captured_step.images.shape[-1])

    played, launched = begin(hooks=Hooks(on_step=look), **changes), begin(launched=True, **changes)
    start = weights_of(played)
    for trainer in (played, launched):
        trainer.run()
    assert sides_px == {48, SIDE_PX}
    apart = (weights_of(played) - weights_of(launched)).norm()
    assert apart < 0.05 * moved(launched, start)
    assert [r.val_accuracy for r in played.history] == [r.val_accuracy for r in launched.history]


@needs_gpu
def test_a_run_that_goes_on_is_the_one_that_was_not_stopped(begin: Begin) -> None:
    states: list[Any] = []
    whole = begin(hooks=Hooks(after_step=lambda state_of: states.append(state_of())))
    start = weights_of(whole)
    whole.run()
    rest = begin()
    rest.load_state(states[STEPS // 2])
    rest.run()
    assert (weights_of(rest) - weights_of(whole)).norm() < 0.05 * moved(whole, start)


@needs_gpu
def test_a_network_that_asks_for_a_value_is_trained_kernel_by_kernel(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = TransferNetwork.forward

    def asking(network: TransferNetwork, images: Tensor) -> Tensor:
        logits = forward(network, images)
        return logits if float(logits.detach().sum()) < 1e9 else logits * 0

    monkeypatch.setattr(TransferNetwork, "forward", asking)
    notes: list[str] = []
    trainer = begin(hooks=Hooks(on_note=notes.append))
    start = weights_of(trainer)
    trainer.run()
    assert len(notes) == 1
    assert "no CUDA graph" in notes[0]
    assert moved(trainer, start) > 0
    assert trainer.progress.done


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU would record it")
def test_what_cannot_be_recorded_is_said_once_and_taken_as_usual() -> None:
    notes: list[str] = []
    capture = GraphCapture.of(nn.Linear(2, 2), CPU, notes.append)

    def loss_of(images: Tensor, targets: Tensor, scale: Tensor | float) -> Tensor:
        raise AssertionError("the recorder computes nothing by itself")

    images, targets = torch.zeros(4, 2), torch.zeros(4)
    assert [capture.captured(loss_of, images, targets) for _ in range(6)] == [None] * 6
    assert len(notes) == 1
    assert "no CUDA graph" in notes[0]


def test_on_a_cpu_nothing_is_recorded(network: TransferNetwork, dataset: Dataset) -> None:
    validation = ValidationImages(
        pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
    )
    images = images_of(dataset)
    trainer = Trainer.begin(network, images, validation, settings(), step_plan=step_plan(2))
    assert trainer.capture is None
