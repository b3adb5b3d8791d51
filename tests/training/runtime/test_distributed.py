"""Two processes train one model, as `torchrun` starts them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from inference.repository import Repository
from tests.training.finetuning.test_resume import REPOSITORY, arguments
from tests.training.folders import write_classes
from training.runtime import distributed
from training.runtime.distributed import Shard

pytestmark = pytest.mark.training

FINETUNE = "tests.training.finetuning.finetune_in_float32"


def test_alone_nothing_is_shared() -> None:
    assert distributed.shard() == Shard(rank=0, of=1)
    assert distributed.gather(3) == [3]
    assert distributed.broadcast(7) == 7
    assert distributed.any_of(True)
    assert not distributed.any_of(False)


def train(command: list[str], *, processes: int) -> str:
    """Run the command in some processes and return what they printed."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [sys.executable, *launcher, "-m", FINETUNE, *command],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def weights(models_dir: Path) -> dict[str, np.ndarray]:
    """Return the published weights by name."""
    model = onnx.load(models_dir / "tuned" / "1" / "model.onnx")
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def test_two_processes_do_what_one_does(colours: Path, tmp_path: Path) -> None:
    """42 images in batches of seven: each step is shared four to three, nine images validate.

    A network without BatchNorm, whose statistics would be each process's own.
    """
    printed = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        command = arguments(colours, folder / "models", folder / "cache", backbone="test_vit")
        printed[processes] = train(command, processes=processes)
        assert Repository(folder / "models").versions("tuned") == [1]
    one, two = weights(tmp_path / "1" / "models"), weights(tmp_path / "2" / "models")
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert np.allclose(value, two[name], rtol=1e-3, atol=1e-4), name
    assert printed[2].count("plan: ") == 1
    assert printed[2].count("found 60 image files") == 1


def test_two_processes_train_beside_each_fold(tmp_path: Path, weights_file: Path) -> None:
    """Three classes of three images: three folds judge, and one version is published."""
    few = write_classes(tmp_path / "few", count=3)
    models_dir = tmp_path / "models"
    command = arguments(few, models_dir, tmp_path / "cache")
    command += ["--method", "finetune", "--weights", str(weights_file)]
    printed = train(command, processes=2)
    assert printed.count("fine-tuning with fold") == 3
    assert "by the same 9 validation images of 3 folds" in printed
    assert Repository(models_dir).versions("tuned") == [1]
