"""The command, killed and given again."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.training.conftest import SIDE_PX, TINY
from tests.training.finetuning.logs import logged_steps

pytestmark = pytest.mark.training

REPOSITORY = Path(__file__).resolve().parents[3]
STEPS = 18  # three passes over 42 images in batches of seven

# Everything is imported once; a child for each moment runs the command and dies after a step, having
# saved after every one of them or never.
DYING_RUNS = """
import os, signal, sys
from training.run import pipeline
from training.finetune import main
from training.finetuning import checkpoint
from training.finetuning.loop import Trainer

checkpoint.SAVE_EVERY_S = float(sys.argv[1])
real = Trainer._count

for moment in map(int, sys.argv[2].split()):
    def count(self, *arguments):
        real(self, *arguments)
        if self.pace.step == moment:
            os.kill(os.getpid(), signal.SIGKILL)
    child = os.fork()
    if child == 0:
        Trainer._count = count
        os._exit(main(sys.argv[3:]))
    _, status = os.waitpid(child, 0)
    print(moment, os.waitstatus_to_exitcode(status), flush=True)
"""


def arguments(colours: Path, models_dir: Path, cache: Path, *, backbone: str = TINY) -> list[str]:
    """Return the command line of a short run from random weights: what it trains is published."""
    return [
        *(str(colours), "--backbone", backbone, "--weights", "none", "--method", "scratch"),
        *("--epochs", "3", "--batch-size", "7"),
        *("--image-size", str(SIDE_PX), "--name", "tuned"),
        *("--models-dir", str(models_dir), "--cache-dir", str(cache)),
    ]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with one thread, as the other runs have."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


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
    done = run(
        "-m",
        "training.finetune",
        *arguments(colours, folder / "models", folder / "cache"),
    )
    assert done.returncode == 0, done.stderr
    assert list((folder / "cache" / "runs").glob("*.pt")) == []
    return figures(folder / "models" / "tuned" / "1")


def test_killed_at_any_step_the_same_command_ends_with_the_same_weights(
    colours: Path, tmp_path: Path, unbroken: dict[str, object]
) -> None:
    """Killed after steps 2, 3, 9 and 17 of one run, saved after each step; then let through."""
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    dying = run("-c", DYING_RUNS, "0", "2 3 9 17", *command)
    assert dying.returncode == 0, dying.stderr
    died = [line for line in dying.stdout.splitlines() if re.fullmatch(r"\d+ -?\d+", line)]
    assert died == ["2 -9", "3 -9", "9 -9", "17 -9"]
    done = run("-m", "training.finetune", *command)
    assert done.returncode == 0, done.stderr
    assert f"resuming at step 16 of {STEPS}" in done.stdout
    assert_equal(figures(tmp_path / "models" / "tuned" / "1"), unbroken)
    (log,) = (tmp_path / "cache" / "runs").glob("*/tensorboard/*")
    assert logged_steps(log, "train/loss") == list(range(1, STEPS + 1))
    assert logged_steps(log, "validation/accuracy")[-1] == STEPS


def test_killed_before_the_first_save_the_command_begins_again(
    colours: Path, tmp_path: Path, unbroken: dict[str, object]
) -> None:
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    run("-c", DYING_RUNS, "1e9", "5", *command)
    done = run("-m", "training.finetune", *command)
    assert done.returncode == 0, done.stderr
    assert "going on" not in done.stdout
    assert_equal(figures(tmp_path / "models" / "tuned" / "1"), unbroken)


def test_sigterm_saves_and_says_how_to_go_on(
    colours: Path, tmp_path: Path, unbroken: dict[str, object]
) -> None:
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    with subprocess.Popen(
        [sys.executable, "-m", "training.finetune", *command],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any(line.startswith("plan: ") for line in process.stdout)
        # The plan is told before the loop begins; the first validation pass is in it.
        assert any("validation loss" in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err.startswith("stopped, checkpoint saved; resume with\n  python -m training.finetune ")
    changed = run("-m", "training.finetune", *command, "--seed", "1")
    assert changed.returncode == 2
    assert "--seed was 0, is 1" in changed.stderr
    done = run("-m", "training.finetune", *command)
    assert done.returncode == 0, done.stderr
    assert "resuming at step" in done.stdout
    assert_equal(figures(tmp_path / "models" / "tuned" / "1"), unbroken)


def test_fresh_begins_again(colours: Path, tmp_path: Path) -> None:
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    run("-c", DYING_RUNS, "0", "5", *command)
    done = run("-m", "training.finetune", *command, "--fresh", "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert "going on" not in done.stdout


def test_a_dry_run_shows_the_plan_and_publishes_nothing(colours: Path, tmp_path: Path) -> None:
    command = arguments(colours, tmp_path / "models", tmp_path / "cache")
    done = run("-m", "training.finetune", *command, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"plan: {STEPS} steps, batch size 7, 3.0 epochs" in done.stdout
    assert "dry run: nothing was trained or published" in done.stdout
    assert not (tmp_path / "models").exists()
