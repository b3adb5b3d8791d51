"""The command, killed and given again."""

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.training.command_process import run, started
from tests.training.conftest import SIDE_PX, TINY
from tests.training.finetuning.logs import logged_steps
from training.finetuning import checkpoint
from training.finetuning.loop import Trainer

pytestmark = pytest.mark.training

STEPS = 18  # three passes over 42 images in batches of seven


def die_after(step: int, *, saving_every_s: float) -> None:
    """Let the run die after a step, having saved every so many seconds."""
    count = Trainer._count

    def count_and_die(self: Trainer, *arguments: Any) -> None:
        count(self, *arguments)
        if self.progress.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    patch = pytest.MonkeyPatch()  # the process ends with it
    patch.setattr(checkpoint, "SAVE_EVERY_S", saving_every_s)
    patch.setattr(Trainer, "_count", count_and_die)


def arguments(colours: Path, models_dir: Path, cache: Path, *, backbone: str = TINY) -> list[str]:
    """Return the command line of a short run from random weights: what it trains is published."""
    return [
        *(str(colours), "--backbone", backbone, "--weights", "none", "--method", "scratch"),
        *("--epochs", "3", "--batch-size", "7"),
        *("--image-size", str(SIDE_PX), "--name", "tuned"),
        *("--models-dir", str(models_dir), "--cache-dir", str(cache)),
    ]


def figures(package: Path) -> dict[str, object]:
    """Return what a run found: all weights and all validation figures but the times."""
    model = onnx.load(package / "model.onnx")
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    metrics = json.loads((package / "metrics.json").read_text())
    for candidate in metrics["candidates"]:
        for record in candidate["history"]:
            del record["seconds"]
    return {"weights": weights, "candidates": metrics["candidates"]}


def assert_equal(first: dict[str, object], second: dict[str, object]) -> None:
    """Compare bit by bit."""
    one, other = first["weights"], second["weights"]
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert np.array_equal(value, other[name]), name
    assert first["candidates"] == second["candidates"]


@pytest.fixture(scope="module")
def unbroken(colours: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Return the figures of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    done = run(arguments(colours, folder / "models", folder / "cache"))
    assert done.code == 0, done.err
    assert list((folder / "cache" / "runs").glob("*.pt")) == []
    return figures(folder / "models" / "tuned" / "1")


def test_killed_at_any_step_the_same_command_ends_with_the_same_weights(
    colours: Path, tmp_path: Path, unbroken: dict[str, object]
) -> None:
    """Killed after steps 2, 3, 9 and 17 of one run, saved after each step; then let through."""
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    for step in (2, 3, 9, 17):
        died = run(command, prepare=partial(die_after, step, saving_every_s=0))
        assert died.code == -signal.SIGKILL, died.err
    done = run(command)
    assert done.code == 0, done.err
    assert f"resuming at step 16 of {STEPS}" in done.out
    assert_equal(figures(tmp_path / "models" / "tuned" / "1"), unbroken)
    (log,) = (tmp_path / "cache" / "runs").glob("*/tensorboard/*")
    assert logged_steps(log, "train/loss") == list(range(1, STEPS + 1))
    assert logged_steps(log, "validation/accuracy")[-1] == STEPS


def test_killed_before_the_first_save_the_command_begins_again(
    colours: Path, tmp_path: Path, unbroken: dict[str, object]
) -> None:
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    died = run(command, prepare=partial(die_after, 5, saving_every_s=1e9))
    assert died.code == -signal.SIGKILL, died.err
    done = run(command)
    assert done.code == 0, done.err
    assert "resuming" not in done.out
    assert_equal(figures(tmp_path / "models" / "tuned" / "1"), unbroken)


def test_sigterm_saves_and_says_how_to_go_on(
    colours: Path, tmp_path: Path, unbroken: dict[str, object]
) -> None:
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    with started(command) as process:
        process.wait_for("plan: ")
        # The plan is printed before the loop begins; the first validation is in it.
        process.wait_for("validation loss")
        process.send_signal(signal.SIGTERM)
        stopped = process.finish()
    assert stopped.code == 130
    assert stopped.err.startswith(
        "stopped, checkpoint saved; resume with\n  python -m training.finetune "
    )
    changed = run([*command, "--seed", "1"])
    assert changed.code == 2
    assert "--seed was 0, is 1" in changed.err
    done = run(command)
    assert done.code == 0, done.err
    assert "resuming at step" in done.out
    assert_equal(figures(tmp_path / "models" / "tuned" / "1"), unbroken)


def test_fresh_begins_again(colours: Path, tmp_path: Path) -> None:
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    died = run(command, prepare=partial(die_after, 5, saving_every_s=0))
    assert died.code == -signal.SIGKILL, died.err
    done = run([*command, "--fresh", "--seed", "1"])
    assert done.code == 0, done.err
    assert "resuming" not in done.out


def test_a_dry_run_shows_the_plan_and_publishes_nothing(colours: Path, tmp_path: Path) -> None:
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    done = run([*command, "--dry-run"])
    assert done.code == 0, done.err
    assert f"plan: {STEPS} steps, batch size 7, 3.0 epochs" in done.out
    assert "dry run: nothing was trained or published" in done.out
    assert not (tmp_path / "models").exists()
