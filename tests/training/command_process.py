"""`python -m training.finetune` as a process of its own, which need not import PyTorch first.

It is forked from a process that has imported what the command imports and has done nothing else, so that
a test can kill it, stop it and give the same command again in a fraction of a second.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import IO, Any

import pytest

from tests.training.exports import reuse_exports
from training.finetune import main

_PATIENCE_S = 300
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["training.run.pipeline", "tests.training.conftest"])

Prepare = Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command ended: `code` is negative where a signal ended it."""

    code: int
    out: str
    err: str


class CommandProcess:
    """A command that runs."""

    def __init__(self, process: ForkServerProcess, out: IO[str], err: Path) -> None:
        self._process = process
        self._out = out
        self._err = err

    def wait_for(self, text: str) -> None:
        """Read what it prints up to the first line that has `text`."""
        assert any(text in line for line in self._out), self._err.read_text()

    def send_signal(self, signum: int) -> None:
        """Send it a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signum)

    def finish(self) -> Finished:
        """Wait for its end; `out` is what was not read before."""
        out = self._out.read()
        self._process.join(_PATIENCE_S)
        assert self._process.exitcode is not None, "it closed its output and did not end"
        return Finished(code=self._process.exitcode, out=out, err=self._err.read_text())


@contextmanager
def started(
    arguments: Sequence[str], *, prepare: Prepare | None = None, **variables: str
) -> Iterator[CommandProcess]:
    """Run the command with one thread.

    Args:
        prepare: a function of a module, called in the new process before the command: it may set a trap.
        variables: changes of the environment; by default temporary files go with the block.
    """
    reader, writer = _FORKS.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder, reader, os.fdopen(os.dup(reader.fileno())) as out:
        err = Path(folder, "err")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": folder, **variables}
        process = _FORKS.Process(
            target=_run, args=(list(arguments), environment, writer, err, prepare), daemon=True
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OMP_NUM_THREADS", "1")  # for the process that is forked
            process.start()
        writer.close()
        try:
            yield CommandProcess(process, out, err)
        finally:
            process.kill()
            process.join(_PATIENCE_S)
            process.close()


def run(arguments: Sequence[str], *, prepare: Prepare | None = None, **variables: str) -> Finished:
    """Run the command to its end; see `started`."""
    with started(arguments, prepare=prepare, **variables) as process:
        return process.finish()


def print_modules() -> None:
    """Print the names of what is imported by now, and do not run the command; for `prepare`."""
    sys.stdout.write(" ".join(sys.modules))
    sys.exit(0)


def _run(
    arguments: list[str],
    environment: Mapping[str, str],
    out: Connection,
    err: Path,
    prepare: Prepare | None,
) -> None:
    os.dup2(out.fileno(), 1)
    os.dup2(os.open(err, os.O_CREAT | os.O_WRONLY), 2)
    out.close()
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # found anew, as TMPDIR may be another
    reuse_exports()
    if prepare is not None:
        prepare()
    sys.exit(main(arguments))
