"""`Connection: close`: a service on its way out lets no client keep its connection.

Proxies keep theirs for the next request. Closed when the service ends, one is met by a request now and
then, which the proxy answers with 502; closed with an answer, it is not used again.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.context import Lifecycle


class ConnectionCloseMiddleware:
    """Ends each connection with its next answer, once the service drains."""

    def __init__(self, app: ASGIApp, *, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""

        async def closing_send(message: Message) -> None:
            if message["type"] == "http.response.start" and self._lifecycle.draining:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, closing_send)
