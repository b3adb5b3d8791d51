"""Processes as a stranger starts them: no CI variable, a home of their own, a proxy that sees calls."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Bare:
    """An environment and what its processes left behind.

    `calls` has the first bytes of every connection to the proxy that the environment names: libcurl,
    urllib, requests and httpx all go there instead of looking a name up.
    """

    home: Path
    environment: dict[str, str]
    calls: list[bytes] = field(default_factory=list)

    def files(self) -> list[str]:
        """Return every file below the home folder, the cache and the temporary folder included."""
        return sorted(
            str(Path(folder, name).relative_to(self.home))
            for folder, _, names in os.walk(self.home)
            for name in names
        )


@contextmanager
def bare(home: Path) -> Iterator[Bare]:
    """Yield an environment for processes that run from the root of the project."""
    for name in ("cache", "tmp"):
        (home / name).mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "TMPDIR": str(home / "tmp"),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            **dict.fromkeys(("http_proxy", "https_proxy", "ALL_PROXY"), address),
            "no_proxy": "127.0.0.1,localhost",
        }
        made = Bare(home, environment)
        thread = threading.Thread(target=_note_calls, args=(proxy, made.calls))
        thread.start()
        try:
            yield made
        finally:
            proxy.shutdown(socket.SHUT_RDWR)
            thread.join()


def _note_calls(proxy: socket.socket, calls: list[bytes]) -> None:
    with suppress(OSError):  # the proxy was shut down
        while True:
            connection, _ = proxy.accept()
            with connection:
                calls.append(connection.recv(300))
