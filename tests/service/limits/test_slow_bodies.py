"""Slow bodies, against the middleware alone; `test_connections.py` has them over a socket."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from service.errors import BodyTimeout
from service.limits import slow_bodies
from service.limits.slow_bodies import SlowBodyMiddleware, SlowestBody


def read(slowest: SlowestBody, *chunks: bytes | None) -> bytes:
    """Read a body whose chunks come at once, but for None, which never comes."""
    waiting = list(chunks)
    got = bytearray()

    async def receive() -> Message:
        chunk = waiting.pop(0)
        if chunk is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            got.extend(message["body"])
            if not message["more_body"]:
                return

    async def send(message: Message) -> None:
        raise AssertionError(message)

    asyncio.run(SlowBodyMiddleware(app, slowest=slowest)({"type": "http"}, receive, send))
    return bytes(got)


def test_a_quick_body_is_read() -> None:
    assert read(SlowestBody(timeout_s=10, min_bytes_per_s=8192), b"a", b"b", b"c") == b"abc"


def test_a_body_that_stops_is_ended_when_its_whole_time_is_over() -> None:
    with pytest.raises(BodyTimeout, match="did not arrive within"):
        read(SlowestBody(timeout_s=0.05, min_bytes_per_s=0), b"a", None, b"b")


def test_a_body_below_the_rate_is_ended_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_bodies, "_RATE_GRACE_S", 0.01)
    with pytest.raises(BodyTimeout, match="less than 1,000 bytes a second"):
        read(SlowestBody(timeout_s=600, min_bytes_per_s=1000), b"a" * 40, None, b"b")


def test_bytes_already_sent_buy_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_bodies, "_RATE_GRACE_S", 0.01)
    with pytest.raises(BodyTimeout, match="did not arrive within"):
        read(SlowestBody(timeout_s=0.05, min_bytes_per_s=1000), b"a" * 1000, None, b"b")
