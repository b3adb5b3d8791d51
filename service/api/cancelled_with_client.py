"""Work for a client ends when the client goes away."""

import asyncio
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request

from service.limits.client_presence import ClientPresence


class cancelled_with_client:  # noqa: N801  # a context manager, named as those of the standard library
    """Cancel the body of the context when the client of `request` goes away.

    `connections.py` says so itself. Under another server a task waits for the message: it costs as much
    as a twentieth of a small request.

    Raises:
        ClientDisconnect: it went.
    """

    __slots__ = ("_left", "_request", "_stop", "_task")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._left = False
        self._stop: Callable[[], object]

    async def __aenter__(self) -> None:
        """Begin to watch."""
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        presence: ClientPresence | None = self._request.scope.get("state", {}).get(
            "client_presence"
        )
        if presence is not None:
            self._stop = presence.stop_watching
            presence.watch(self._cancel)
        else:
            self._stop = asyncio.create_task(self._watch(), name="watch-client").cancel

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: object
    ) -> None:
        """Stop watching."""
        self._stop()
        if self._left and isinstance(err, asyncio.CancelledError) and self._task.uncancel() == 0:
            raise ClientDisconnect from None

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._cancel()

    def _cancel(self) -> None:
        self._left = True
        self._task.cancel()
