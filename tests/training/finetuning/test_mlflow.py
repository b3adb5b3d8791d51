"""A run logged to MLflow, which is no part of the project: its own client, in an environment of its own.

The project's packages are found before that environment's: what is tried is MLflow beside our pins.
"""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.tools import python_of
from tests.training.command_process import Finished, run
from tests.training.conftest import SIDE_PX, TINY

pytestmark = pytest.mark.training

STEPS = 6  # one pass over 42 of 60 images, the rest validating, in batches of seven

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


def find_packages_of(python: Path) -> None:
    """Find another environment's packages behind the project's own."""
    (site,) = (python.parents[1] / "lib").glob("python3.*/site-packages")
    sys.path.append(str(site))


def variables(store: str) -> dict[str, str]:
    """Return the environment in which a folder is MLflow's server."""
    return {"MLFLOW_TRACKING_URI": store, "MLFLOW_ALLOW_FILE_STORE": "true"}


def train(store: str, colours: Path, folder: Path) -> Finished:
    """Train a little from random weights, on colours."""
    return run(
        [
            *(str(colours), "--tracker", "mlflow", "--backbone", TINY, "--weights", "none"),
            *("--method", "scratch", "--epochs", "1", "--batch-size", "7"),
            *("--image-size", str(SIDE_PX), "--name", "tuned"),
            *("--models-dir", str(folder / "models"), "--cache-dir", str(folder / "cache")),
        ],
        prepare=partial(find_packages_of, python_of("mlflow")),
        **variables(store),
    )


def test_mlflow_has_the_options_and_every_step_of_a_run(colours: Path, tmp_path: Path) -> None:
    store = (tmp_path / "store").as_uri()
    done = train(store, colours, tmp_path)
    assert done.code == 0, done.err
    assert f"logging to MLflow at {store}: run " in done.out
    read = subprocess.run(
        [python_of("mlflow"), "-c", READ_BACK],
        env=variables(store),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    (found,) = json.loads(read.stdout.splitlines()[-1])
    assert found["status"] == "FINISHED"
    assert found["seed"] == "0"
    assert found["steps"] == list(range(1, STEPS + 1))
    assert 0 <= found["accuracy"] <= 1
    assert not list((tmp_path / "cache" / "runs").glob("*/tensorboard"))


def test_an_mlflow_that_takes_no_run_is_told_by_its_address(colours: Path, tmp_path: Path) -> None:
    done = train("nothing://here", colours, tmp_path)
    assert done.code == 2
    assert "MLflow at 'nothing://here' takes no run" in done.err
