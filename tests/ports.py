"""Ports for servers that have to be told theirs."""

import random
import socket

# Below what systems give to outgoing connections, of which other tests have many: from 32768 on, on Linux.
_RANGE = range(20_000, 32_000)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    for port in random.sample(_RANGE, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port among 100 tried")
