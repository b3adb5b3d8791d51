"""Every address that takes GET takes HEAD: link checkers and monitors ask so first (RFC 9110, 9.3.2)."""

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send


class AnswersHead(APIRoute):
    """A route that runs HEAD as GET; the server leaves the body out."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the route takes the request."""
        return super().matches(self._as_get(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it."""
        await super().handle(self._as_get(scope), receive, send)

    def _as_get(self, scope: Scope) -> Scope:
        if scope.get("method") != "HEAD" or "GET" not in (self.methods or ()):
            return scope
        return {**scope, "method": "GET"}
