"""Read a body's bytes as they come in, never more of them than the limits allow."""

from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request

from service.bodies.content_encoding import content_encoding, unpacked
from service.errors import BodyTooLarge
from service.limits.admission import Ticket

# A body this many times the limit is not read to its end for the sake of the connection.
_HANG_UP_FACTOR: Final = 4
_MAX_SMALL_BYTES: Final = 4096
# Enough of a body to tell what it is, a boundary of 70 characters and a line of headers included.
_START_BYTES: Final = 256


class Body:
    """The body of one request: its first bytes as often as you like, all of it once.

    A compressed body is unpacked; limits and the ticket count what it unpacks to.
    """

    def __init__(self, request: Request, *, ticket: Ticket | None) -> None:
        self._declared = int(request.headers.get("content-length", 0))
        self._encoding = content_encoding(request.headers.get("content-encoding"))
        stream = request.stream()
        self._stream = unpacked(_filled(stream), self._encoding) if self._encoding else stream
        self._ticket = ticket
        self._held: list[bytes] = []

    async def start(self, *, max_bytes: int) -> bytes:
        """Return the first bytes, some 256 at least unless there are fewer in all.

        Raises:
            BodyTooLarge: the body says that it is longer than `max_bytes`.
            Overloaded: the ticket has no room for them.
            MalformedBody, UnsupportedBody: it is not compressed as its header says.
        """
        self._check_declared(max_bytes)
        while sum(map(len, self._held)) < _START_BYTES:
            chunk = await self._next()
            if chunk is None:
                break
            self._held.append(chunk)
        return self._held[0] if len(self._held) == 1 else b"".join(self._held)

    async def chunks(self, *, max_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it comes in.

        Raises:
            BodyTooLarge: it is, or says that it is, longer than `max_bytes`.
            Overloaded: the ticket has no room for it.
            MalformedBody, UnsupportedBody: it is not compressed as its header says.
        """
        self._check_declared(max_bytes)
        total = 0
        while (chunk := self._held.pop(0) if self._held else await self._next()) is not None:
            total += len(chunk)
            if total > max_bytes:
                raise _body_too_large(None, max_bytes)
            yield chunk

    async def whole(self, *, max_bytes: int) -> bytes:
        """Return all of the body; raises as `chunks` does."""
        chunks = [chunk async for chunk in self.chunks(max_bytes=max_bytes)]
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _check_declared(self, max_bytes: int) -> None:
        if self._declared > max_bytes:
            raise _body_too_large(self._declared, max_bytes)

    async def _next(self) -> bytes | None:
        while (chunk := await anext(self._stream, None)) is not None:
            if chunk:
                if self._ticket is not None:
                    self._ticket.add_bytes(len(chunk))
                return chunk
        return None


async def read_small_body(request: Request) -> bytes:
    """Read the body of a call that sends a few words.

    Raises:
        BodyTooLarge, BodyTimeout: it is over the limits.
    """
    return await Body(request, ticket=None).whole(max_bytes=_MAX_SMALL_BYTES)


async def _filled(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in stream:
        if chunk:
            yield chunk


def _body_too_large(declared: int | None, max_bytes: int) -> BodyTooLarge:
    size = f"is {declared:,} bytes, limit is" if declared else "is over"
    hang_up = declared is None or declared > _HANG_UP_FACTOR * max_bytes
    return BodyTooLarge(f"the body {size} {max_bytes:,}; send less at a time", hang_up=hang_up)
