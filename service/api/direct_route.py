"""A route that runs its endpoint and nothing of FastAPI's around it, which costs a fifth of a small request.

FastAPI documents it like any other. The endpoint takes the request and what is in its address, checks its
caller and reads its query itself, and returns a response.
"""

from collections.abc import Awaitable, Callable
from typing import cast

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


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
        endpoint = cast(Callable[..., Awaitable[Response]], self.endpoint)
        response = await endpoint(request=Request(scope, receive, send), **scope["path_params"])
        await response(scope, receive, send)
