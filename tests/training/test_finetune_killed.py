"""A run that is stopped leaves nothing that a service could load, and no temporary files."""

import errno
import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from inference.repository import Repository
from tests.training.command_process import run, started
from tests.training.conftest import SIDE_PX, TINY

pytestmark = pytest.mark.training

# The first file, the golden images, the report, and just before the rename.
MOMENTS = ("open:model.onnx", "open:expected.json", "open:report.html", "os.rename:.publishing-")


def die_at(moment: str) -> None:
    """Let the run die when it is about to open or rename such a file of a package."""
    event, part = moment.split(":")

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if name != event or ".publishing-" not in str(arguments):
            return
        if any(part in str(argument) for argument in arguments):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def fill_the_disk_at(moment: str) -> None:
    """Let there be no room when the run is about to open or rename such a file of a package."""
    event, part = moment.split(":")

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if name == event and ".publishing-" in str(arguments[0]) and part in str(arguments[0]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sys.addaudithook(hook)


def arguments(colours: Path, weights_file: Path, models_dir: Path) -> list[str]:
    """Return the command line of a short run."""
    return [
        *(str(colours), "--backbone", TINY, "--weights", str(weights_file), "--method", "probe"),
        *("--image-size", str(SIDE_PX), "--models-dir", str(models_dir)),
    ]


def test_a_run_killed_while_it_publishes_leaves_no_version(
    colours: Path, weights_file: Path, models_dir: Path
) -> None:
    for moment in MOMENTS:
        command = arguments(colours, weights_file, models_dir)
        died = run(command, prepare=partial(die_at, moment))
        assert died.code == -signal.SIGKILL, (moment, died.err)
        left = {path.name[:20] for path in (models_dir / "colours").iterdir()} - {".publishing"}
        assert len(left) == 1, left  # the next run removes what the one before has left
        assert Repository(models_dir).names() == []


def test_a_disk_that_fills_while_a_package_is_written_is_one_sentence(
    colours: Path, weights_file: Path, models_dir: Path
) -> None:
    for moment in MOMENTS:
        command = arguments(colours, weights_file, models_dir)
        stopped = run(command, prepare=partial(fill_the_disk_at, moment))
        assert stopped.code == 2, (moment, stopped.err)
        assert stopped.err.startswith("error: cannot write to models folder")
        assert "No space left on device; choose another with --models-dir" in stopped.err
        assert stopped.err.count("\n") == 1
        assert [path.name for path in (models_dir / "colours").iterdir()] == [".publishing"]


def test_pixels_that_the_disk_changed_are_never_trained_on(
    colours: Path, weights_file: Path, models_dir: Path, tmp_path: Path
) -> None:
    command = [*arguments(colours, weights_file, models_dir), "--cache-dir", str(tmp_path / "c")]
    assert run(command).code == 0
    for shard in (tmp_path / "c" / "shards").iterdir():
        shard.write_bytes(os.urandom(shard.stat().st_size))
    stopped = run(command)
    assert stopped.code == 2
    assert "were changed on the disk and have been removed; start the run again" in stopped.err
    assert run(command).code == 0
    assert Repository(models_dir).versions("colours") == [1, 2]


def test_sigterm_ends_the_run_with_130_and_leaves_no_file_but_the_cache(
    colours: Path, weights_file: Path, models_dir: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = arguments(colours, weights_file, models_dir)
    with started(command, TMPDIR=str(temporary)) as process:
        process.wait_for("split: ")
        process.send_signal(signal.SIGTERM)
        stopped = process.finish()
    assert stopped.code == 130
    assert stopped.err == "stopped; nothing was published\n"
    assert not any(path.name.startswith("graft-") for path in temporary.iterdir())
    assert list(models_dir.iterdir()) == []
