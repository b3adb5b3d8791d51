"""The service as a process of its own, for tests that need real sockets and signals."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
_PAUSE_S = 0.02


def eventually(
    holds: Callable[[], object], why: Callable[[], str] | str, *, within_s: float = 60
) -> None:
    """Ask again and again until something holds, and leave the processor to the service in between."""
    ends = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends, why() if callable(why) else why
        time.sleep(_PAUSE_S)


def exists(pid: int) -> bool:
    """Return whether a process is there and has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


class Process:
    """A running service, its address and what it has written."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, stderr: IO[str]) -> None:
        self.process = process
        self.url = url
        self._lines: list[str] = []
        # Read on, or the service would block on a full pipe.
        self._reader = threading.Thread(target=lambda: self._lines.extend(stderr))
        self._reader.start()

    def wait_until_ready(self) -> None:
        transport = httpx2.HTTPTransport(retries=5)
        with httpx2.Client(base_url=self.url, transport=transport, timeout=60) as client:

            def is_ready() -> bool:
                assert self.process.poll() is None, self.log
                return client.get("/health/ready").status_code == 200

            eventually(is_ready, lambda: self.log, within_s=600)

    def stop(self, sig: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler writes where each thread stands
            self._reader.join(timeout=30)
            pytest.fail(f"the service did not end on {sig!r}; its log:\n{self.log}")
        self._reader.join(timeout=30)  # a worker that outlived its supervisor holds the pipe open
        return code

    @property
    def log(self) -> str:
        return "".join(self._lines)


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRAFT_")}
    # With the fault handler a service that hangs can be asked where: see `Process.stop`.
    return {
        **kept,
        "PYTHONFAULTHANDLER": "1",
        "GRAFT_PORT": "0",
        "GRAFT_PROVIDER": "cpu",
        **settings,
    }


@contextmanager
def running(models_dir: Path, *, within: Sequence[str] = (), **settings: str) -> Iterator[Process]:
    """Run the service, ready; `within` is a command that runs it, as `("prlimit", "--nofile=128")`."""
    with listening(models_dir, within=within, **settings) as service:
        service.wait_until_ready()
        yield service


@contextmanager
def listening(
    models_dir: Path, *, within: Sequence[str] = (), **settings: str
) -> Iterator[Process]:
    """Run the service, and do not wait for a model; see `running`."""
    process = subprocess.Popen(
        [*within, sys.executable, "-m", "service"],
        cwd=ROOT,
        env=environment(GRAFT_MODELS_DIR=str(models_dir), **settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if match := re.search(r"listening url=(\S+)", line):
            break
    else:
        pytest.fail("the service did not start to listen")
    service = Process(process, match[1], process.stderr)
    try:
        yield service
    finally:
        service.stop(signal.SIGKILL)
        process.stderr.close()


def start_and_fail(
    *, within: Sequence[str] = (), **settings: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*within, sys.executable, "-m", "service"],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def open_connection(url: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        yield connection
    finally:
        connection.close()
