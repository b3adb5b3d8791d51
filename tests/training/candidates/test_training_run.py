"""A run of a network's last stages, from its plan to its weights; whole networks: test_resume.py."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import quiet
from tests.training.finetuning.test_loop import step_plan
from training.candidates import training_run as run
from training.candidates.training_run import SelectedWeights, train_network
from training.errors import Paused
from training.finetuning.checkpoint import Checkpoints
from training.finetuning.task import TrainingTask
from training.planning.last_stages_plan import LastStages
from training.planning.training_plan import Plan

pytestmark = pytest.mark.training

STEPS = 12
Train = Callable[[Path], SelectedWeights]


def plan_of_a_tail(task: TrainingTask, display: Any) -> Plan:
    return Plan(
        step_plan=step_plan(STEPS),
        learning_rate=1e-3,
        notes=("the last stage",),
        last_stages=LastStages(cut="layer4.0", num_views=2),
    )


@pytest.fixture
def train(task: TrainingTask, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Train the last stage in twelve steps, whatever the clock says."""
    monkeypatch.setattr(run, "make_plan", plan_of_a_tail)
    config = dataclasses.replace(task.config, learning_rate=1e-3, tracker="none")

    def train(folder: Path) -> SelectedWeights:
        checkpoints = Checkpoints.at(folder, "tail", {})
        return train_network(dataclasses.replace(task, config=config), checkpoints, quiet())

    return train


def changed(task: TrainingTask, trained: SelectedWeights) -> set[str]:
    before = task.start.state_dict()
    return {
        name.split(".")[1]
        for name, value in trained.network.state_dict().items()
        if not torch.equal(value, before[name])
    }


def test_the_last_stage_and_the_head_are_trained(
    task: TrainingTask,
    train: Train,
    tmp_path: Path,
) -> None:
    trained = train(tmp_path)
    assert changed(task, trained) == {"layer4", "weight", "bias"}
    assert trained.network.state_dict().keys() == task.start.state_dict().keys()
    assert trained.notes[0] == "the last stage"
    assert trained.history[-1].val_accuracy == 1.0


def test_a_stopped_run_goes_on_and_ends_with_the_same_weights(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = train(tmp_path / "unbroken")
    option, offered = Checkpoints.offer, 0

    def stop_at_the_fifth(self: Checkpoints, contents: Any) -> None:
        nonlocal offered
        offered += 1
        self.stop = offered == 5
        option(self, contents)

    monkeypatch.setattr(Checkpoints, "offer", stop_at_the_fifth)
    with pytest.raises(Paused):
        train(tmp_path / "stopped")
    resumed = train(tmp_path / "stopped")
    assert offered == STEPS
    for name, value in resumed.network.state_dict().items():
        assert torch.equal(value, unbroken.network.state_dict()[name]), name
    assert [r.val_loss for r in resumed.history] == [r.val_loss for r in unbroken.history]
