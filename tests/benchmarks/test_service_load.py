"""The load generator, against servers that do as they are told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from benchmarks.service.load import BROKEN, HUNG_UP, Result, closed_loop, open_loop

REQUEST: Final = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(*parts: bytes) -> Answer:
    """Answer each request with these parts, sent one after another."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
        writer.close()

    return answer


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def measure(answer: Answer, load: Callable[[int], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        answering: set[asyncio.Task[None]] = set()

        async def answer_to_the_end(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            task = asyncio.current_task()
            assert task is not None
            answering.add(task)
            try:
                await answer(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(answer_to_the_end, "127.0.0.1", 0)
        async with server, asyncio.timeout(30):
            result = await load(server.sockets[0].getsockname()[1])
            # A transport that nobody closed would be told of in whatever test runs next.
            await asyncio.gather(*answering, return_exceptions=True)
            return result

    return asyncio.run(run())


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
        [b"HTTP/1.1 200 OK\r\nContent-", b"Length: 2\r\n", b"\r\no", b"k"],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", b"0\r\n\r\n"],
    ],
    ids=["whole", "in pieces", "chunked"],
)
def test_a_closed_loop_counts_answers_in_every_form(parts: list[bytes]) -> None:
    result = measure(
        answering(*parts), lambda port: closed_loop(port, [REQUEST], connections=2, seconds=1)
    )
    assert set(result.statuses) == {200}
    assert len(result.latencies_ms) == result.statuses[200] > 2
    assert result.percentile_ms(50) <= result.percentile_ms(99)


def test_refusals_have_no_latency() -> None:
    busy = answering(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")
    result = measure(busy, lambda port: closed_loop(port, [REQUEST], connections=1, seconds=1))
    assert set(result.statuses) == {429}
    assert (result.latencies_ms, result.per_s) == ([], 0)


def test_an_open_loop_hangs_up_at_the_deadline_and_goes_on_sending() -> None:
    result = measure(
        never,
        lambda port: open_loop(port, [REQUEST], rate_per_s=200, seconds=0.2, deadline_s=0.05),
    )
    assert set(result.statuses) == {HUNG_UP}
    assert result.statuses[HUNG_UP] > 10


def test_evenly_spaced_requests_leave_when_they_should() -> None:
    result = measure(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        lambda port: open_loop(
            port, [REQUEST], rate_per_s=100, seconds=0.2, deadline_s=5, arrivals="constant"
        ),
    )
    assert result.statuses == {200: 20}
    assert result.seconds >= 0.19  # the last one leaves then


def test_a_connection_that_breaks_is_counted_and_another_is_made() -> None:
    result = measure(hang_up, lambda port: closed_loop(port, [REQUEST], connections=1, seconds=1))
    assert set(result.statuses) == {BROKEN}
    assert result.statuses[BROKEN] > 1
