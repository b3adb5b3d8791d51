"""The server's end: a signal counts whenever it comes."""

import asyncio
import http.client
import io
import logging
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.app import create_app
from service.processes.server import DrainingServer
from service.settings import Settings
from tests.builders import make_package
from tests.service.service_process import running


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


def test_an_idle_connection_outlives_that_of_the_proxy_in_front(server: DrainingServer) -> None:
    """nginx and most balancers keep theirs for 60 s; closed here first, a request meets a closed door."""
    assert server.config.timeout_keep_alive == 75


def test_an_idle_connection_is_kept_as_long_as_it_is_set(models_dir: Path) -> None:
    make_package(models_dir)
    with ExitStack() as stack:
        service = stack.enter_context(running(models_dir, GRAFT_KEEP_ALIVE_S="0.5"))
        client = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
        stack.callback(client.close)
        for _ in range(2):
            client.request("GET", "/health/live")
            assert client.getresponse().read() == b'{"status":"live"}'
        answered = time.monotonic()
        assert client.sock.recv(65536) == b""
        assert time.monotonic() - answered > 0.4


@pytest.fixture
def server(models_dir: Path) -> DrainingServer:
    settings = Settings(models_dir=models_dir, drain_delay_s=0)
    return DrainingServer(create_app(settings), settings)


def test_a_signal_in_the_middle_of_a_line_of_the_log_is_not_lost(server: DrainingServer) -> None:
    raw = InterruptedOnce()
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        with logging_to(raw):
            logging.getLogger("any").info("a line")
            assert asyncio.run(server.on_tick(1))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert raw.written.decode().splitlines() == ["a line", "draining signal=SIGTERM"]
