"""Count the 502s of a service behind nginx over quiet minutes.

    python -m benchmarks.service.behind_nginx MODELS IMAGE

A proxy keeps connections to the service, and a service that closes them first lets it send a request to
a closed door now and then. So bursts are sent with pauses between them, of about the seconds after which
either side gives an idle connection up. Prints the statuses as JSON.
"""

import argparse
import http.client
import json
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from scripts.children import Children
from scripts.nginx import nginx_before

# Around 5 s, which uvicorn keeps an idle connection, nginx' 60 and our 75.
_SHORT_PAUSES_S: Final = (0.3, 1.0, 4.99, 4.995, 5.0, 5.005, 5.01)
_LONG_PAUSES_S: Final = (59.99, 60.0, 60.01, 75.0, 76.0)
_CLIENTS: Final = 16
_ROOT: Final = Path(__file__).parents[2]


def main() -> int:
    """Run it; return 1 where a request failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--bursts", type=int, default=120)
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--keep-alive-s", default="", help="the service's; its default if empty")
    args = parser.parse_args()
    env = {
        **os.environ,
        "GRAFT_MODELS_DIR": str(args.models),
        "GRAFT_PORT": str(args.port),
        "GRAFT_ROOT_PATH": "/graft",
        "GRAFT_KEEP_ALIVE_S": args.keep_alive_s,
        "GRAFT_LOG_LEVEL": "warning",
    }
    with Children() as children:
        children.start([sys.executable, "-m", "service"], env=env, cwd=_ROOT)
        with nginx_before(args.port) as address:
            _wait_until_ready(address)
            statuses = _ask(address, args.image.read_bytes(), args.requests, args.bursts)
    print(json.dumps({"keep_alive_s": args.keep_alive_s or "default", "statuses": statuses}))
    return 0 if set(statuses) == {"200"} else 1


def _wait_until_ready(address: str) -> None:
    while True:
        if _Caller(address, b"").ask("GET", "/graft/health/ready") == "200":
            return
        time.sleep(0.2)


class _Caller:
    """A client with a connection of its own to nginx."""

    def __init__(self, address: str, image: bytes) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        self._image = image

    def ask(self, method: str = "POST", path: str = "/graft/predict") -> str:
        """Return the status, or the name of what went wrong."""
        headers = {"Content-Type": "image/jpeg"}
        try:
            self._connection.request(method, path, self._image or None, headers)
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as err:
            self._connection.close()
            return type(err).__name__
        return str(response.status)


def _ask(address: str, image: bytes, requests: int, bursts: int) -> dict[str, int]:
    statuses: Counter[str] = Counter()
    local = threading.local()

    def one(_: int) -> str:
        if not hasattr(local, "caller"):
            local.caller = _Caller(address, image)
        return str(local.caller.ask())

    pauses = [_SHORT_PAUSES_S[i % len(_SHORT_PAUSES_S)] for i in range(bursts)]
    for place, pause in enumerate(_LONG_PAUSES_S):
        pauses[(place + 1) * bursts // (len(_LONG_PAUSES_S) + 1)] = pause
    for pause in pauses:
        local = threading.local()  # nginx closes a client's own connection after 75 s
        with ThreadPoolExecutor(_CLIENTS) as pool:
            statuses.update(pool.map(one, range(-(-requests // bursts))))
        time.sleep(pause)
    return dict(statuses)


if __name__ == "__main__":
    sys.exit(main())
