"""By which names a browser calls this studio: what may stand in `Host`."""

import socket
from contextlib import suppress
from typing import Final

from studio.access.own_address import ALL_ADDRESSES, shown_host
from studio.settings import LOOPBACK

_HTTP_PORT: Final = 80


def hosts_of(host: str, port: int) -> frozenset[str]:
    """Return the `Host` headers of a studio that listens on an address."""
    names = {host, "localhost", "127.0.0.1"} if host in LOOPBACK else _own_names(host)
    hosts = {in_address(name) for name in names}
    # Browsers leave out the usual port.
    return frozenset(f"{h}:{port}" for h in hosts) | (hosts if port == _HTTP_PORT else set())


def in_address(host: str) -> str:
    """Return a host as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _own_names(host: str) -> set[str]:
    """Return what this machine may be called by others."""
    names = {host, socket.gethostname(), socket.getfqdn(), "localhost", "127.0.0.1"}
    if host in ALL_ADDRESSES:
        names.add(shown_host(host))
        with suppress(OSError):  # a machine need not be able to look up its own name
            found = socket.getaddrinfo(socket.gethostname(), None)
            names |= {str(entry[4][0]) for entry in found}
    return names
