"""An address with a slash too many answers like the one without.

Starlette's own way is a redirect to an absolute address, which it takes from the Host header: whoever
chooses that chooses where the client goes, and behind a proxy it is seldom where it came from.
"""

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send


def install(app: FastAPI) -> None:
    """Try what no route of `app` takes again without the slashes at its end."""
    router, not_found = app.router, app.router.default

    async def without_slash(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.rstrip("/") not in ("", path):
            scope["path"] = path.rstrip("/")
            await router(scope, receive, send)
        else:
            await not_found(scope, receive, send)

    router.redirect_slashes = False
    router.default = without_slash
