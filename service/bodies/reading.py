"""Read a body's bytes as they come in, never more of them than the limits allow."""

from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request

from service.errors import BodyTooLarge, UnsupportedBody
from service.limits.admission import Ticket

# A body this many times the limit is not read to its end for the sake of the connection.
_HANG_UP_FACTOR: Final = 4
_MAX_SMALL_BYTES: Final = 4096


async def read_body(request: Request, *, ticket: Ticket | None, max_bytes: int) -> bytes:
    """Read a whole body, never holding more than `max_bytes` of it.

    Raises:
        BodyTooLarge: the body is longer.
        Overloaded: the ticket has no room for it.
    """
    chunks = [chunk async for chunk in limited_chunks(request, ticket=ticket, max_bytes=max_bytes)]
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def limited_chunks(
    request: Request, *, ticket: Ticket | None, max_bytes: int
) -> AsyncIterator[bytes]:
    """Yield a body as it comes in.

    Raises:
        BodyTooLarge: it is, or says that it is, longer than `max_bytes`.
        Overloaded: the ticket has no room for it.
    """
    declared = int(request.headers.get("content-length", 0))
    if declared > max_bytes:
        raise _body_too_large(declared, max_bytes)
    total = 0
    async for chunk in request.stream():
        if not chunk:
            continue
        total += len(chunk)
        if total > max_bytes:
            raise _body_too_large(None, max_bytes)
        if ticket is not None:
            ticket.add_bytes(len(chunk))
        yield chunk


async def read_small_body(request: Request) -> bytes:
    """Read the body of a call that sends a few words.

    Raises:
        BodyTooLarge, BodyTimeout: it is over the limits.
    """
    return await read_body(request, ticket=None, max_bytes=_MAX_SMALL_BYTES)


def refuse_encoded(request: Request) -> None:
    """Refuse a compressed body.

    Raises:
        UnsupportedBody: the request has a content encoding.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedBody(
            f"content encoding {encoding[:40]!r} is not read; send the body uncompressed"
        )


def _body_too_large(declared: int | None, max_bytes: int) -> BodyTooLarge:
    size = f"is {declared:,} bytes, limit is" if declared else "is over"
    hang_up = declared is None or declared > _HANG_UP_FACTOR * max_bytes
    return BodyTooLarge(f"the body {size} {max_bytes:,}; send less at a time", hang_up=hang_up)
