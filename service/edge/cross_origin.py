"""Pages of other sites that may call the service: Cross-Origin Resource Sharing (CORS).

Off by default. Keys come in headers and never in cookies, so browsers are told to send no credentials of
their own.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.api.how_answered import PRECISION_HEADER, RUNTIME_HEADER
from service.limits.deadlines import TIMEOUT_HEADER
from service.oip.wire import HEADER_LENGTH

_ALLOWED: Final = (
    "Authorization",
    "Content-Encoding",
    HEADER_LENGTH,
    "traceparent",
    "tracestate",
    "X-API-Key",
    "X-Request-ID",
    TIMEOUT_HEADER,
)
# Beside what every page may read: Content-Type, Content-Length and a few more.
_EXPOSED: Final = (
    "Age",
    "Cache-Status",
    PRECISION_HEADER,
    RUNTIME_HEADER,
    HEADER_LENGTH,
    "Retry-After",
    "Server-Timing",
    "traceresponse",
    "WWW-Authenticate",
    "X-Request-ID",
)
_ALL: Final = "*"


def middleware_options(origins: tuple[str, ...]) -> dict[str, Any]:
    """Return what Starlette's `CORSMiddleware` is to allow pages of these origins."""
    return {
        "allow_origins": origins,
        "allow_methods": ("GET", "HEAD", "POST", "PUT", "DELETE"),
        "allow_headers": _ALLOWED,
        "expose_headers": _EXPOSED,
        # A page on the internet may ask a service in one's own network only where it was named.
        "allow_private_network": _ALL not in origins,
    }


def refusal_headers(
    origins: tuple[str, ...], request_headers: Iterable[tuple[bytes, bytes]]
) -> Mapping[str, str]:
    """Return what lets a page read the answer to what never became a request.

    Args:
        origins: those that are allowed.
        request_headers: those that had come, names in lower case; the page's origin may not be among them.
    """
    if not origins:
        return {}
    exposed = {"Access-Control-Expose-Headers": ", ".join(_EXPOSED)}
    if _ALL in origins:
        return {"Access-Control-Allow-Origin": _ALL, **exposed}
    sent = dict(request_headers).get(b"origin", b"").decode("latin-1")
    # Where it has not come yet and there is but one, that one: a browser compares it with the page's.
    allowed = sent or (origins[0] if len(origins) == 1 else "")
    if allowed not in origins:
        return {}
    return {"Access-Control-Allow-Origin": allowed, "Vary": "Origin", **exposed}
