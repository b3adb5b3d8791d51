"""The service below a path of a proxy's: `https://example.org/graft/predict`.

Some proxies take the prefix off, others leave it on. ASGI wants the path with it and the prefix beside it;
Starlette routes by what follows.
"""

from starlette.types import ASGIApp, Receive, Scope, Send


class SubPathMiddleware:
    """Gives every request the prefix, whether the proxy has taken it off or not."""

    def __init__(self, app: ASGIApp, *, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] == "http":
            path, prefix = scope["path"], self._root_path
            if path == prefix:
                path += "/"  # the page
            elif not path.startswith(f"{prefix}/"):
                path = prefix + path
            scope = {**scope, "root_path": prefix, "path": path}
        await self._app(scope, receive, send)
