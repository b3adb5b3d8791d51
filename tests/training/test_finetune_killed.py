"""A run that is stopped leaves nothing that a service could load, and no temporary files."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inference.repository import Repository
from tests.training.conftest import SIDE_PX, TINY

pytestmark = pytest.mark.training

REPOSITORY = Path(__file__).resolve().parents[2]

# Everything is imported once; then a child runs the command for each moment and dies at it.
DYING_RUNS = """
import os, signal, sys
from training.run import pipeline
from training.finetune import main

def die_at(moment):
    event, part = moment.split(":")
    def hook(name, arguments):
        if name == event and any(part in str(a) for a in arguments) and ".publishing-" in str(arguments):
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

for moment in sys.argv[1].split():
    child = os.fork()
    if child == 0:
        die_at(moment)
        os._exit(main(sys.argv[2:]))
    _, status = os.waitpid(child, 0)
    print(moment, os.waitstatus_to_exitcode(status), flush=True)
"""
MOMENTS = "open:model.onnx open:expected.json open:report.html os.rename:.publishing-"


def arguments(colours: Path, weights_file: Path, models_dir: Path) -> list[str]:
    """Return the command line of a short run."""
    return [
        *(str(colours), "--backbone", TINY, "--weights", str(weights_file), "--method", "probe"),
        *("--image-size", str(SIDE_PX), "--models-dir", str(models_dir)),
    ]


def test_a_run_killed_while_it_publishes_leaves_no_version(
    colours: Path, weights_file: Path, models_dir: Path, tmp_path: Path
) -> None:
    """Killed at the first file, at the golden images, at the report, and just before the rename."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    outcome = subprocess.run(
        [sys.executable, "-c", DYING_RUNS, MOMENTS, *arguments(colours, weights_file, models_dir)],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    died = [line for line in outcome.stdout.splitlines() if line.endswith(" -9")]
    assert died == [f"{moment} -9" for moment in MOMENTS.split()]
    left = sorted((models_dir / "colours").iterdir())
    assert len(left) == 4
    assert all(path.name.startswith(".publishing-") for path in left)
    assert Repository(models_dir).names() == []


def test_sigterm_ends_the_run_with_130_and_leaves_no_file_but_the_cache(
    colours: Path, weights_file: Path, models_dir: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "training.finetune", *arguments(colours, weights_file, models_dir)],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any(line.startswith("split into") for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == "stopped; nothing was published\n"
    assert not any(path.name.startswith("graft-") for path in temporary.iterdir())
    assert list(models_dir.iterdir()) == []
