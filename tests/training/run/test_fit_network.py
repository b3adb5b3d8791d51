"""Fine-tuning on few images: one fold after the other is held out."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from inference import read_package
from tests.training.conftest import Command, Outcome
from tests.training.folders import write_classes
from training.candidates.candidate import Candidate
from training.candidates.selection import Decision, PairedComparison, Selection
from training.candidates.training_run import train_network
from training.finetuning.checkpoint_file import run_name
from training.finetuning.task import TrainingTask
from training.planning.budget_shares import StageCosts
from training.run import fit_network as fitting
from training.run.measure import MeasuredModel, measure_selected

pytestmark = pytest.mark.training

OPTIONS = ("--method", "finetune", "--epochs", "2", "--batch-size", "7", "--device", "cpu")
FOLDS = 3


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Return a folder of three classes with three images each, split into three folds."""
    return write_classes(tmp_path / "few", count=3)


def folds_of(outcome: Outcome) -> int:
    """Return how many folds a run trained beside."""
    return sum(line.startswith("fine-tuning with fold") for line in outcome.out.splitlines())


def weights(package: Path) -> dict[str, Any]:
    """Return all weights of a published model."""
    graph = onnx.load(package / "model.onnx").graph
    return {t.name: numpy_helper.to_array(t) for t in graph.initializer}


def test_each_fold_is_held_out_once(few: Path, command: Command, tmp_path: Path) -> None:
    outcome = command(few, *OPTIONS, "--cache-dir", str(tmp_path / "cache"))
    assert folds_of(outcome) == FOLDS
    assert "on the same 9 validation images of 3 folds" in outcome.out
    assert "9 validation images of 3 folds" in (outcome.published / "report.html").read_text()
    assert list((tmp_path / "cache" / "runs").glob("*.pt")) == []


def test_what_is_published_is_evaluated_on_the_images_of_all_folds(
    few: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    won = Decision(chooses_trained=True, because="the test says so")
    monkeypatch.setattr(PairedComparison, "decide", lambda _: won)
    measured: list[Candidate] = []

    def measure(selection: Selection, *arguments: Any, **named: Any) -> MeasuredModel:
        measured.append(selection.chosen)
        return measure_selected(selection, *arguments, **named)

    monkeypatch.setattr("training.run.pipeline.measure_selected", measure)
    outcome = command(few, *OPTIONS, "--coverage", "0.9")
    assert "publishing the fine-tuned network" in outcome.out
    manifest = read_package(outcome.published).manifest
    (chosen,) = measured
    out_of_fold = chosen.out_of_fold()
    first_alone = dataclasses.replace(
        out_of_fold, targets=out_of_fold.targets[:3], logits=out_of_fold.logits[:3]
    )
    assert manifest.calibration.temperature == out_of_fold.temperature()
    assert manifest.calibration.temperature != first_alone.temperature()
    assert manifest.conformal is not None
    assert manifest.conformal.images == 9
    assert manifest.validation_answers is not None
    assert manifest.validation_answers.images == 9
    assert sum(manifest.validation_answers.labels.values()) == pytest.approx(1)
    metrics = manifest.metrics
    assert metrics.validation == "cross-validated"
    assert metrics.val_accuracy_spread is not None
    assert metrics.val.images == 9
    report = (outcome.published / "report.html").read_text()
    assert "each predicted by a model that had not seen it" in report
    assert "Several networks were trained alike" in report
    assert "averaged weights of 3 networks" in report
    assert manifest.dataset.counts == {"train": {"blue": 3, "green": 3, "red": 3}}


def test_later_folds_leave_time_for_the_mean_of_the_networks(
    few: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StageCosts, "after_s", lambda *_: 10.0)
    monkeypatch.setattr(StageCosts, "mean_s", 4.0)
    seen: list[float] = []

    def train(task: TrainingTask, *arguments: Any) -> Any:
        seen.append(task.after_s)
        return train_network(task, *arguments)

    monkeypatch.setattr("training.candidates.finetuned.train_network", train)
    command(few, *OPTIONS)
    assert seen == [10, 14, 14]


def test_no_more_folds_are_held_out_than_are_needed(
    few: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "_ENOUGH_VALIDATION_IMAGES", 4)
    outcome = command(few, *OPTIONS)
    assert folds_of(outcome) == 2
    assert "validation images of 2 folds" in outcome.out


def test_one_fold_is_held_out_where_there_is_no_time_for_more(
    few: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StageCosts, "has_time_again", lambda *_: False)
    outcome = command(few, *OPTIONS)
    assert folds_of(outcome) == 1
    assert "folds:" not in outcome.out


def test_fresh_forgets_every_fold(
    few: Path, command: Command, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first one is trained: the run may not come to the others."""
    name, runs = run_name("few", models_dir), tmp_path / "cache" / "runs"
    runs.mkdir(parents=True)
    saved = [runs / f"{name}{suffix}.pt" for suffix in ("", "-fold1")]
    for file in saved:
        file.touch()

    def stopped(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("training.candidates.finetuned.train_network", stopped)
    where = ("--name", "few", "--cache-dir", str(tmp_path / "cache"))
    assert command(few, *OPTIONS, *where, "--fresh").code == 130
    assert not any(file.exists() for file in saved)


def test_a_run_that_was_stopped_goes_on_with_its_fold(
    few: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = command(few, *OPTIONS, "--name", "unbroken")
    begun: list[int] = []

    def stopped(*arguments: Any) -> Any:
        begun.append(len(begun))
        if len(begun) == 3:
            raise KeyboardInterrupt
        return train_network(*arguments)

    again = (few, *OPTIONS, "--name", "broken", "--cache-dir", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr("training.candidates.finetuned.train_network", stopped)
        assert command(*again).code == 130
    saved = [file.stem for file in (tmp_path / "cache" / "runs").glob("*.pt")]
    assert sorted("-fold1" in name for name in saved) == [False, True]
    outcome = command(*again)
    assert outcome.out.count("resuming at step") == 2
    first, second = weights(unbroken.published), weights(outcome.published)
    assert first.keys() == second.keys()
    assert all(np.array_equal(value, second[name]) for name, value in first.items())
