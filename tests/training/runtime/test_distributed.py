"""Two processes train one model, as `torchrun` starts them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from inference.repository import Repository
from tests.ports import free_port
from tests.training.command_process import run, started
from tests.training.finetuning.test_resume import arguments
from tests.training.folders import write_classes
from training.runtime import distributed
from training.runtime.distributed import Shard

pytestmark = pytest.mark.training


def test_alone_nothing_is_shared() -> None:
    assert distributed.shard() == Shard(rank=0, of=1)
    assert distributed.gather(3) == [3]
    assert distributed.broadcast(7) == 7
    assert distributed.any_of(True)
    assert not distributed.any_of(False)


def compute_in_float32() -> None:
    """Take the CPU for one without AMX.

    In bfloat16 what is zero but for rounding, such as the gradient of an attention's key bias, differs
    with the number of processes, and AdamW makes whole steps of it.
    """
    torch.cpu._is_amx_tile_supported = lambda: False


def train_in_two(command: list[str]) -> str:
    """Run the command in two processes, with what `torchrun` says in their environment."""
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    with (
        started(command, prepare=compute_in_float32, RANK="0", LOCAL_RANK="0", **group) as first,
        started(command, prepare=compute_in_float32, RANK="1", LOCAL_RANK="1", **group) as second,
    ):
        ends = [second.finish(), first.finish()]
    for end in ends:
        assert end.code == 0, end.err
    return "".join(end.out for end in ends)


def weights(models_dir: Path) -> dict[str, np.ndarray]:
    """Return the published weights by name."""
    model = onnx.load(models_dir / "tuned" / "1" / "model.onnx")
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def test_two_processes_do_what_one_does(colours: Path, tmp_path: Path) -> None:
    """42 images in batches of seven: each step is shared four to three, nine images validate.

    A network without BatchNorm, whose statistics would be each process's own.
    """
    folders = {processes: tmp_path / str(processes) for processes in (1, 2)}
    commands = {
        processes: arguments(colours, folder / "models", folder / "cache", backbone="test_vit")
        for processes, folder in folders.items()
    }
    alone = run(commands[1], prepare=compute_in_float32)
    assert alone.code == 0, alone.err
    printed = train_in_two(commands[2])
    for folder in folders.values():
        assert Repository(folder / "models").versions("tuned") == [1]
    one, two = weights(folders[1] / "models"), weights(folders[2] / "models")
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert np.allclose(value, two[name], rtol=1e-3, atol=1e-4), name
    assert printed.count("plan: ") == 1
    assert printed.count("found 60 files taken for images") == 1


def test_torchrun_trains_beside_each_fold(tmp_path: Path, weights_file: Path) -> None:
    """Three classes of three images: three folds validate, and one version is published."""
    few = write_classes(tmp_path / "few", count=3)
    models_dir = tmp_path / "models"
    command = arguments(few, models_dir, tmp_path / "cache")
    command += ["--method", "finetune", "--weights", str(weights_file)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node=2", "-m", "training.finetune", *command),
        ],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("fine-tuning with fold") == 3
    assert "on the same 9 validation images of 3 folds" in done.stdout
    assert Repository(models_dir).versions("tuned") == [1]
