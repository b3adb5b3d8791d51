"""The end: a signal counts whenever it comes, and what was accepted is finished within the grace."""

import asyncio
import io
import json
import logging
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from service.app import create_app
from service.processes.server import DrainingServer
from service.settings import Settings
from tests.builders import coloured, make_package
from tests.service.endless_model import WHITE, make_endless_package
from tests.service.service_process import Process, eventually, open_connection, running


def test_who_has_just_come_when_it_ends_is_answered(models_dir: Path) -> None:
    """A proxy has connected and its request is on the way: closed then, it would be answered with 502."""
    make_package(models_dir)
    with running(models_dir) as service:
        address = urlsplit(service.url)
        where = (address.hostname, address.port)
        with socket.create_connection(where, timeout=30) as connection:
            httpx2.get(f"{service.url}/health/live")  # so the one before it has been accepted
            service.process.send_signal(signal.SIGTERM)
            while listens(where):
                pass
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer.lower()
        assert service.stop() == 0


def listens(where: tuple[str | None, int | None]) -> bool:
    try:
        socket.create_connection(where, timeout=30).close()
    except ConnectionError:
        return False
    return True


def test_ctrl_c_ends_it_without_a_stack_trace(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir) as service:
        assert service.stop(signal.SIGINT) == 0
        assert "Traceback" not in service.log


def test_sigterm_finishes_what_was_accepted(models_dir: Path) -> None:
    make_package(models_dir)
    body = coloured("blue")
    with running(models_dir, GRAFT_DRAIN_DELAY_S="2") as service:
        with open_connection(service.url) as connection:
            connection.putrequest("POST", "/predict")
            connection.putheader("Content-Type", "image/png")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[:10])
            service.process.send_signal(signal.SIGTERM)
            while httpx2.get(f"{service.url}/health/ready").status_code == 200:
                pass  # until ready is off, the service still listening
            connection.send(body[10:])
            response = connection.getresponse()
            assert json.load(response)["predictions"][0]["label"] == "blue"
        assert service.stop() == 0


def test_a_second_signal_ends_it_at_once(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_DRAIN_DELAY_S="3600") as service:
        service.process.send_signal(signal.SIGTERM)
        while httpx2.get(f"{service.url}/health/ready").status_code == 200:
            pass
        assert service.stop() == 0
        assert "Traceback" not in service.log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_ends_it_within_its_grace_whatever_a_thread_is_doing(
    models_dir: Path, workers: str
) -> None:
    make_endless_package(models_dir)
    settings = {"GRAFT_WORKERS": workers, "GRAFT_SHUTDOWN_GRACE_S": "1"}
    with running(models_dir, **settings) as service:
        begin_endless_request(service)
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 10  # without a bound: for ever
        assert "Traceback" not in service.log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_sigterm_ends_it_at_once_whatever_a_thread_is_doing(
    models_dir: Path, workers: str
) -> None:
    make_endless_package(models_dir)
    settings = {"GRAFT_WORKERS": workers, "GRAFT_SHUTDOWN_GRACE_S": "3600"}
    with running(models_dir, **settings) as service:
        begin_endless_request(service)
        service.process.send_signal(signal.SIGTERM)
        eventually(lambda: "draining" in service.log, "it does not drain")
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 10
        assert "Traceback" not in service.log


def begin_endless_request(service: Process) -> None:
    """Have an image run that is never answered; the caller has gone when this returns."""
    headers = {"X-Request-Timeout-Ms": "300"}
    answer = httpx2.post(f"{service.url}/predict", content=WHITE, headers=headers, timeout=60)
    assert answer.status_code == 504


class InterruptedOnce(io.RawIOBase):
    """A log that a signal interrupts in its first write, as it does where the reader is slow."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        first, self.written = not self.written, self.written + bytes(content)
        if first:
            signal.raise_signal(signal.SIGTERM)
        return len(content)


@contextmanager
def logging_to(raw: io.RawIOBase) -> Iterator[None]:
    """Let the root logger write to a stream over `raw`; what fails there is told there, too."""
    root, stderr = logging.getLogger(), sys.stderr
    handlers, level = root.handlers, root.level
    # Where `logging` says that a line could not be written, that cannot be written either.
    sys.stderr = io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True)
    root.handlers = [logging.StreamHandler(sys.stderr)]
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers, sys.stderr = handlers, stderr
        root.setLevel(level)


def test_a_signal_in_the_middle_of_a_line_of_the_log_is_not_lost(models_dir: Path) -> None:
    settings = Settings(models_dir=models_dir, drain_delay_s=0)
    server = DrainingServer(create_app(settings), settings)
    raw = InterruptedOnce()
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        with logging_to(raw):
            logging.getLogger("any").info("a line")
            assert asyncio.run(server.on_tick(1))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert raw.written.decode().splitlines() == ["a line", "draining signal=SIGTERM"]
