"""The caller's address as a trusted proxy tells it, in `X-Forwarded-For` or in `Forwarded` (RFC 7239).

uvicorn reads the first alone, and only from addresses that are trusted; so the second is rewritten into
it. A proxy adds to the header that it knows and passes the other one on as the client sent it, so where
both are there `X-Forwarded-For` counts, which is what nearly all proxies write.
"""

import re
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_FOR: Final = "x-forwarded-for"
_PROTO: Final = "x-forwarded-proto"
# More than RFC 7239 allows without quotes: proxies write addresses and ports without them.
_VALUE: Final = r'[^\s",;=]+|"(?:[^"\\]|\\.)*"'
_PAIR: Final = re.compile(rf"\s*([A-Za-z-]+)=({_VALUE})\s*(?=[;,]|$)([;,]?)")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+")
_UNKNOWN: Final = "unknown"


class ForwardedMiddleware:
    """Sets the client and the scheme of a request that comes from a trusted proxy."""

    def __init__(self, app: ASGIApp, *, trusted_proxies: str) -> None:
        inner: Any = app  # uvicorn and Starlette have types of their own for the same thing
        self._app: Any = ProxyHeadersMiddleware(inner, trusted_hosts=trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] == "http":
            headers = MutableHeaders(scope=scope)
            if _FOR not in headers and "forwarded" in headers:
                _rewrite(headers)
        await self._app(scope, receive, send)


def _rewrite(headers: MutableHeaders) -> None:
    hops = read_forwarded(", ".join(headers.getlist("forwarded")))
    if not hops:
        return
    headers[_FOR] = ", ".join(hop.get("for", _UNKNOWN) for hop in hops)
    if "proto" in hops[0]:
        headers[_PROTO] = hops[0]["proto"].lower()


def read_forwarded(header: str) -> list[dict[str, str]]:
    """Return the parameters of each proxy, the client's own first; nothing where the header is damaged.

    What is given for an address and cannot be one, or a name for one, reads "unknown".
    """
    hops: list[dict[str, str]] = [{}]
    position = 0
    while position < len(header):
        pair = _PAIR.match(header, position)
        if pair is None:
            return []
        name, value = pair[1].lower(), pair[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        if name == "for" and not _ADDRESS.fullmatch(value):
            value = _UNKNOWN
        hops[-1][name] = value
        if pair[3] == ",":
            hops.append({})
        position = pair.end()
    return [hop for hop in hops if hop]
