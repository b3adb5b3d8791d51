"""Looks at every call before anything else does.

* `Host` must be an address of this studio: the name of a stranger that was bent to 127.0.0.1 (DNS
  rebinding) is another.
* `Origin`, where it is sent, must be this studio's own, and a call that changes something must have it: a
  form or script on another site (CSRF) has another. Programs that show the secret in
  `Authorization` need none.
* The secret, in the cookie or in `Authorization`. An address with the secret is answered with the cookie and
  a step to the address without it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.access.secret import PARAMETER, PROJECT, is_secret, read_bearer, read_cookie, set_cookie

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; media-src 'self' blob:; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
_HOW_TO_ENTER: Final = (
    "This studio opens with the address that it printed when it was started, which has a secret in it. "
    "Copy that address from the terminal."
)


class Guard:
    """ASGI middleware: lets in who has the secret and calls from here, while it is open."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        secret: str,
        hosts: frozenset[str],
        how_to_enter: str = _HOW_TO_ENTER,
        is_open: Callable[[], bool] = lambda: True,
    ) -> None:
        self._app = app
        self._secret = secret
        self._hosts = frozenset(host.lower() for host in hosts)  # as browsers send them
        self._how_to_enter = how_to_enter
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        is_open = self._is_open()
        answer = self._look(scope) if is_open else _refuse(scope, 401, self._how_to_enter)
        if answer is None:
            await self._app(scope, receive, _with_headers(send))
        else:
            await answer(scope, receive, _with_headers(send))

    def _look(self, scope: Scope) -> Response | None:
        """Return the refusal or the step to the page; None lets the call in."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return _refuse(scope, 421, f"This studio does not answer to the host {host[:80]!r}.")
        if is_secret(read_bearer(headers.get("authorization")), self._secret):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.get(PARAMETER, [None])[0]
        if scope["method"] in _SAFE_METHODS and is_secret(given, self._secret):
            return _enter(host, self._secret, project=query.get(PROJECT, [""])[0])
        if not _is_from_here(headers, host, changes=scope["method"] not in _SAFE_METHODS):
            return _refuse(scope, 403, "This call comes from a page of another site.")
        if not is_secret(read_cookie(headers.get("cookie"), host), self._secret):
            return _refuse(scope, 401, self._how_to_enter)
        return None


def _is_from_here(headers: Headers, host: str, *, changes: bool) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return not changes and headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    return origin in (f"http://{host}", f"https://{host}")


def _enter(host: str, secret: str, *, project: str) -> Response:
    """A page and not a redirect: a Strict cookie is not sent along a redirect from elsewhere."""
    place = f"/#/{quote(project, safe='')}/data" if project else "/"
    # An icon of its own, or the browser would ask for one.
    page = (
        '<!doctype html><link rel="icon" href="data:,"><title>Graft studio</title>'
        f'<meta http-equiv="refresh" content="0;url={place}">'
    )
    return HTMLResponse(
        page, headers={"Set-Cookie": set_cookie(host, secret), "Cache-Control": "no-store"}
    )


def _refuse(scope: Scope, status: int, detail: str) -> Response:
    if scope["path"].startswith("/api/"):
        body = {"status": status, "code": "no_access", "detail": detail}
        return JSONResponse(body, status, media_type="application/problem+json")
    text = json.dumps(detail, ensure_ascii=False)[1:-1].replace("<", "&lt;")
    return HTMLResponse(
        f"<!doctype html><html lang=en><title>Graft studio</title><main><h1>Graft studio</h1><p>{text}</p>",
        status,
    )


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
