"""Slow bodies are ended: whoever sends one must not hold room that others need.

Pure ASGI around everything, so that no route can forget it.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTimeout

# A body may begin slowly; its rate is asked for after so long.
_RATE_GRACE_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowestBody:
    """The slowest body that is read: all of it within `timeout_s`, and so many bytes a second."""

    timeout_s: float
    min_bytes_per_s: int


class SlowBodyMiddleware:
    """Raises `BodyTimeout` where a route reads a body that comes too slowly."""

    def __init__(self, app: ASGIApp, *, slowest: SlowestBody) -> None:
        self._app = app
        self._slowest = slowest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] == "http":
            receive = _TimedReceive(receive, self._slowest)
        await self._app(scope, receive, send)


class _TimedReceive:
    """`receive` with a time limit, until the last byte has come.

    The time counts from the first call: a body that nobody asked for was not held up by its sender.
    """

    def __init__(self, receive: Receive, slowest: SlowestBody) -> None:
        self._receive = receive
        self._slowest = slowest
        self._started: float | None = None
        self._num_bytes = 0
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        if self._started is None:
            self._started = time.monotonic()
        limit_s, reason = self._limit()
        try:
            async with asyncio.timeout(self._started + limit_s - time.monotonic()):
                message = await self._receive()
        except TimeoutError as err:
            raise BodyTimeout(f"the body {reason}; send it faster") from err
        self._num_bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message

    def _limit(self) -> tuple[float, str]:
        """Return the seconds from the start until the next bytes must be there, and what to say."""
        whole_s, rate = self._slowest.timeout_s, self._slowest.min_bytes_per_s
        rate_s = _RATE_GRACE_S + self._num_bytes / rate if rate else whole_s
        if rate_s < whole_s:
            return rate_s, f"comes at less than {rate:,} bytes a second"
        return whole_s, f"did not arrive within {whole_s:g} s"
