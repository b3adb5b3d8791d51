"""Try a package in a process of its own, which can be given up: it may never end, take all memory or crash.

Only what came through is loaded by the process that answers users. The process runs the model on the
CPU, wherever it is to be served; see `trial_process.py` for what is tried there.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from inference.child_process import start_child
from inference.errors import PackageError, TrialFailed
from inference.manifest import Precision
from inference.package import Package
from inference.providers import Provider
from inference.strictjson import parse_json, to_json

# The exit code of a process that got no more memory.
OUT_OF_MEMORY: Final = 3
# The clock may run so many times as far as the processor: others may be using the cores.
_CLOCK_PER_CPU: Final = 5
# A model is in memory as bytes, parsed, packed for the processor, and once to spare.
_COPIES_OF_FILE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLimits:
    """What trying one package may take.

    Attributes:
        cpu_s: seconds of a core; five times as long on the clock.
        memory_bytes: beside four times the model's file. Kept on Linux alone.
    """

    cpu_s: float
    memory_bytes: int

    @property
    def clock_s(self) -> float:
        """Seconds on the clock."""
        return self.cpu_s * _CLOCK_PER_CPU


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """What the process is to try; it reads this as JSON.

    Attributes:
        folder, precision, sha256: the package, and the model file in it that is meant.
        batch_sizes: the numbers of images to run it on.
        threads: for one batch.
        provider: "cpu", or "openvino".
        same_answers: its answers on the golden images are to be the published ones. Not so where it
            will run on other hardware.
        cpu_s, memory_bytes: bounds of the whole process.
    """

    folder: str
    precision: Precision
    sha256: str
    batch_sizes: tuple[int, ...]
    threads: int
    provider: Provider
    same_answers: bool
    cpu_s: float
    memory_bytes: int


class Trials:
    """Starts trials, and ends those in progress when it is closed. Safe for several threads."""

    def __init__(self, limits: TrialLimits) -> None:
        """Store the limits."""
        self._limits = limits
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._is_closed = False

    def run(
        self,
        package: Package,
        precision: Precision,
        *,
        max_batch: int,
        threads: int,
        same_answers: bool,
        provider: Provider = "cpu",
    ) -> None:
        """Try one model file of a package; return where it may be loaded. Blocking.

        Raises:
            PackageError: it may not; the message says why.
            TrialFailed: it never ended, took too much memory, or ended the process.
        """
        size = package.model_size(precision)
        assert package.manifest.files is not None
        request = TrialRequest(
            folder=os.path.abspath(package.path),
            precision=precision,
            sha256=package.manifest.files[precision].sha256,
            batch_sizes=tuple(sorted({1, min(2, max_batch), max_batch})),
            threads=threads,
            provider=provider,
            same_answers=same_answers,
            cpu_s=self._limits.cpu_s,
            memory_bytes=self._limits.memory_bytes + _COPIES_OF_FILE * size,
        )
        problem = self._ask(request)
        if problem is not None:
            raise PackageError(problem)

    def close(self) -> None:
        """End the trials in progress; they fail."""
        with self._lock:
            self._is_closed = True
            for process in self._processes:
                process.kill()

    def _ask(self, request: TrialRequest) -> str | None:
        """Return what the process found wrong.

        Raises:
            TrialFailed: it ended without a word, or had to be ended.
        """
        clock_s = self._limits.clock_s
        process = self._start()
        out_of_time = threading.Event()

        def give_up() -> None:
            out_of_time.set()
            process.kill()

        timer = threading.Timer(clock_s, give_up)
        timer.start()
        try:
            answer = _exchange(process, json.dumps(to_json(request)).encode())
        finally:
            timer.cancel()
            with self._lock:
                self._processes.discard(process)
        if out_of_time.is_set():
            raise TrialFailed(f"trying the model took longer than {clock_s:g} s; it was given up")
        if process.returncode == 0:
            problem: str | None = parse_json(answer)
            return problem
        raise TrialFailed(_end_of(process.returncode, request))

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._is_closed:
                raise TrialFailed("the service is being ended")
            try:
                process = start_child("inference.trial_process", bufsize=0)
            except OSError as err:
                reason = err.strerror or type(err).__name__
                raise TrialFailed(
                    f"{sys.executable} could not be started to try the model: {reason}"
                ) from err
            self._processes.add(process)
        return process


def _exchange(process: "subprocess.Popen[bytes]", request: bytes) -> bytes:
    """Send one line and return what comes back until the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdout:
        with suppress(BrokenPipeError):  # it has ended already, and its exit code says how
            process.stdin.write(request + b"\n")
        # The pipe stays open meanwhile: by its end the process knows that nobody waits any more.
        return process.stdout.read()


def _end_of(returncode: int, request: TrialRequest) -> str:
    if returncode == -signal.SIGXCPU:
        return f"trying the model took more than {request.cpu_s:g} s of a core; it was given up"
    if returncode == OUT_OF_MEMORY:
        return f"the model needs more than {request.memory_bytes // 2**20} MiB of memory"
    if returncode == -signal.SIGKILL:
        return "trying the model was ended by the system, which may be short of memory"
    how = f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
    return f"the model ended the process that tried it ({how})"
