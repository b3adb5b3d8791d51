"""Routes that run their endpoint and nothing of FastAPI's around it, which costs a third of a small request.

FastAPI documents them like any other. The endpoint takes the request and what is in its address, checks
its caller and reads its query itself, and returns a response.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import cast

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from service import problems


class DirectRoute(APIRoute):
    """For a router's `route_class`: no dependencies, no response model at run time."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 405 for another method than the route's.
            Exception: what the endpoint raises; the application turns it into an answer.
        """
        methods = self.methods or set()
        if scope["method"] not in methods:
            raise HTTPException(status_code=405, headers={"Allow": ", ".join(sorted(methods))})
        response = await self.answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Return the endpoint's answer; raises what it raises."""
        endpoint = cast(Callable[..., Awaitable[Response]], self.endpoint)
        return await endpoint(request=request, **request.scope["path_params"])


class DirectRoutesMiddleware:
    """Hands what is for a direct route to it, past the application's own routing.

    Its place is within all other middleware. Where OpenTelemetry traces the request, FastAPI's routing
    names its span, so it goes that way.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[object]) -> None:
        self._app = app
        self._routes = [route for route in routes if isinstance(route, DirectRoute)]
        self._fixed = {
            (method, route.path): route
            for route in self._routes
            for method in route.methods or ()
            if "{" not in route.path
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        route = self._route(scope) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            response = await route.answer(request)
        except problems.ANSWERED as err:
            response = await problems.answer(request, err)
        await response(scope, receive, send)

    def _route(self, scope: Scope) -> DirectRoute | None:
        """Return the route of a request, which is noted in its scope; None where that is no direct one."""
        if scope.get("fastapi.telemetry") is not None:
            return None
        fixed = self._fixed.get((scope["method"], scope["path"]))
        if fixed is not None and not scope.get("root_path"):
            scope.update(route=fixed, endpoint=fixed.endpoint, path_params={})
            return fixed
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return route
        return None
