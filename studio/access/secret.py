"""The secret of a studio: in its address once, then in a cookie that no other site can send."""

import secrets
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Final

PARAMETER: Final = "secret"
# Beside it: the project to begin with.
PROJECT: Final = "project"


def make_secret() -> str:
    """Return a new secret."""
    return secrets.token_urlsafe(32)


def is_secret(given: str | None, secret: str) -> bool:
    """Compare in constant time."""
    return given is not None and compare_digest(given.encode(), secret.encode())


def cookie_name(host: str) -> str:
    """Return the cookie's name: cookies are shared by all ports of a host, two studios must not be."""
    return f"graft-studio-{host.rpartition(':')[2]}"


def set_cookie(host: str, secret: str) -> str:
    """Return the header's value. `Strict`: no page of another site makes the browser send it."""
    return f"{cookie_name(host)}={secret}; Path=/; HttpOnly; SameSite=Strict"


def read_cookie(header: str | None, host: str) -> str | None:
    """Return the secret that the browser sent, if it did."""
    try:
        found = SimpleCookie(header or "").get(cookie_name(host))
    except CookieError:
        return None
    return None if found is None else found.value


def read_bearer(header: str | None) -> str | None:
    """Return the secret of `Authorization: Bearer …`, by which programs come in."""
    scheme, _, value = (header or "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None
