"""How long the server keeps a connection that nobody uses."""

import http.client
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from service.app import create_app
from service.processes.server import DrainingServer
from service.settings import Settings
from tests.builders import make_package
from tests.service.service_process import running


def test_an_idle_connection_outlives_that_of_the_proxy_in_front(models_dir: Path) -> None:
    """nginx and most balancers keep theirs for 60 s; closed here first, a request meets a closed door."""
    settings = Settings(models_dir=models_dir)
    server = DrainingServer(create_app(settings), settings)
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
