"""A run logged to MLflow, which is no part of the project: its own client, in an environment of its own.

The project's packages are put before that environment's: what is tried is MLflow beside our pins.
"""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.tools import python_of
from tests.training.folders import write_classes

pytestmark = pytest.mark.training

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS = 6  # one pass over 42 of 60 images, the rest judging, in batches of seven

READ_BACK = """
import json, sys
from mlflow import MlflowClient

client = MlflowClient()
experiment = client.get_experiment_by_name("tuned")
runs = client.search_runs([experiment.experiment_id])
print(json.dumps([
    {
        "status": run.info.status,
        "seed": run.data.params["seed"],
        "steps": [m.step for m in client.get_metric_history(run.info.run_id, "train/loss")],
        "accuracy": run.data.metrics["validation/accuracy"],
    }
    for run in runs
]))
"""


def run(store: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command where MLflow is installed, with a folder as its server."""
    packages = os.pathsep.join([str(REPOSITORY), sysconfig.get_path("purelib")])
    return subprocess.run(
        [str(python_of("mlflow")), *command],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "PYTHONPATH": packages,
            "MLFLOW_TRACKING_URI": store,
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def train(store: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Train a little from random weights, on colours."""
    data = write_classes(folder / "colours", count=20)
    return run(
        *(store, "-m", "training.finetune", str(data), "--tracker", "mlflow"),
        *("--backbone", "test_resnet", "--weights", "none", "--method", "scratch", "--epochs", "1"),
        *("--batch-size", "7", "--image-size", "64", "--name", "tuned"),
        *("--models-dir", str(folder / "models"), "--cache-dir", str(folder / "cache")),
    )


def test_mlflow_has_the_options_and_every_step_of_a_run(tmp_path: Path) -> None:
    store = (tmp_path / "store").as_uri()
    done = train(store, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"logging to MLflow at {store}: run " in done.stdout
    (found,) = json.loads(run(store, "-c", READ_BACK).stdout.splitlines()[-1])
    assert found["status"] == "FINISHED"
    assert found["seed"] == "0"
    assert found["steps"] == list(range(1, STEPS + 1))
    assert 0 <= found["accuracy"] <= 1
    assert not list((tmp_path / "cache" / "runs").glob("*/tensorboard"))


def test_an_mlflow_that_takes_no_run_is_told_by_its_address(tmp_path: Path) -> None:
    done = train("nothing://here", tmp_path)
    assert done.returncode == 2
    assert "MLflow at 'nothing://here' takes no run" in done.stderr
