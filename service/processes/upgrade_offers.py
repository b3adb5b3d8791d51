"""Offers to speak another protocol, which may be passed over: the request is answered in HTTP/1.1."""

from collections.abc import Iterable
from typing import Final

_OFFERS: Final = frozenset({b"upgrade", b"http2-settings"})


def head_without_offer(
    method: bytes, url: bytes, http_version: str, headers: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """Return the head of a request without `Upgrade` and what belongs to it."""
    lines = [method + b" " + url + b" HTTP/" + http_version.encode()]
    for name, value in headers:
        if name == b"connection":
            lines += [b"connection: " + option for option in _kept_options(value)]
        elif name not in _OFFERS:
            lines.append(name + b": " + value)
    return b"\r\n".join([*lines, b"", b""])


def _kept_options(value: bytes) -> Iterable[bytes]:
    options = (option.strip() for option in value.split(b","))
    return (option for option in options if option and option.lower() not in _OFFERS)
