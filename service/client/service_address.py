"""The address of a service, from what a person copies; and what an address that does not answer may need."""

import http.client
import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from .answers import Unreachable

# What may be copied from a browser or a curl command: the service itself is above it.
_OWN_ADDRESSES: Final = ("/predict", "/models", "/docs", "/health/ready", "/health/live")


def service_address(url: str) -> SplitResult:
    """Return the parts of the service's address, its path without the slash at the end.

    Raises:
        ValueError: it is none, or has more in it than an address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url is {url!r}, must be like http://127.0.0.1:8000")
    before, _, model = parts.path.partition("/models/")
    if model or parts.query:
        name = model.partition("/")[0] or "NAME"
        base = urlunsplit((parts.scheme, parts.netloc, before.removesuffix("/predict"), "", ""))
        raise ValueError(
            f"url is {url!r}; give {base}, and the model apart from it (--model {name})"
        )
    path = parts.path.rstrip("/")
    for own in _OWN_ADDRESSES:
        path = path.removesuffix(own)
    return parts._replace(path=path)


def unreachable(url: str, err: Exception) -> Unreachable:
    """Return the error of an address that gave no answer, with what it looks like."""
    hint = ""
    rest = url.partition("://")[2]
    if isinstance(err, ssl.SSLCertVerificationError):
        hint = "; name the file of its certificate's authority in SSL_CERT_FILE"
    elif isinstance(err, ssl.SSLError):
        hint = f"; if it speaks plain http, give http://{rest}"
    elif url.startswith("http://") and isinstance(
        err, (http.client.BadStatusLine, ConnectionResetError)
    ):
        hint = f"; if it speaks https, give https://{rest}"
    return Unreachable(f"no service answers at {url}: {err}{hint}")
