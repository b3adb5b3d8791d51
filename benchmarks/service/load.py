"""A load generator that costs little: one process, raw sockets, requests built before the clock starts.

Closed loop: each connection sends its next request when it has its answer. Open loop: requests leave at
times drawn before, evenly spaced or by a Poisson process, whether or not earlier ones were answered,
and latency counts from that moment (no coordinated omission); a client hangs up at its deadline. Its own CPU
time is part of the result.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, cast, get_args

Arrivals = Literal["constant", "poisson"]
ARRIVALS: Final[tuple[Arrivals, ...]] = get_args(Arrivals)

_MAX_OPEN: Final = 1024
HUNG_UP: Final = 0
BROKEN: Final = -1


@dataclass(slots=True, kw_only=True)
class Result:
    """Of one run. A status of 0 is a client that hung up at its deadline, -1 a broken connection.

    `latencies_ms` are those of answers with status 200.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)

    def note(self, status: int, latency_s: float) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        if status == 200:
            self.latencies_ms.append(latency_s * 1e3)

    @property
    def per_s(self) -> float:
        """Answers with status 200 a second."""
        return self.statuses[200] / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the latencies; not a number where nothing was answered."""
        ordered = sorted(self.latencies_ms)
        if not ordered:
            return float("nan")
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection with at most one request on its way."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports are no subclass.
        self._transport, self.is_open = cast(asyncio.Transport, transport), True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        self.is_open = False
        self._finish(BROKEN)

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is complete."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or not _is_complete(self._buffer, end + 4):
            return
        status = int(self._buffer[9:12])
        if b"connection: close" in bytes(self._buffer[:end]).lower():
            self.is_open = False
        self._buffer.clear()
        self._finish(status)

    async def ask(self, request: bytes) -> int:
        """Send a request and return the status of its answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def _finish(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


def _is_complete(buffer: bytearray, body_at: int) -> bool:
    head = bytes(buffer[:body_at]).lower()
    start = head.find(b"content-length:")
    if start >= 0:
        length = int(head[start + 15 : head.index(b"\r\n", start)])
        return len(buffer) >= body_at + length
    return buffer.endswith(b"0\r\n\r\n") or b"transfer-encoding" not in head


async def connect(port: int) -> Connection:
    """Open a connection."""
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection, "127.0.0.1", port
    )
    return connection


async def closed_loop(
    port: int, requests: Sequence[bytes], *, connections: int, seconds: float
) -> Result:
    """Keep so many connections busy."""
    result = Result()
    started, cpu = time.perf_counter(), time.process_time()

    async def keep_busy(index: int) -> None:
        connection = await connect(port)
        turn = index
        while time.perf_counter() - started < seconds:
            if not connection.is_open:
                connection = await connect(port)
            sent = time.perf_counter()
            status = await connection.ask(requests[turn % len(requests)])
            result.note(status, time.perf_counter() - sent)
            turn += connections
        connection.close()

    await asyncio.gather(*(keep_busy(index) for index in range(connections)))
    result.seconds = time.perf_counter() - started
    result.cpu_seconds = time.process_time() - cpu
    return result


def _departures(arrivals: Arrivals, rate_per_s: float, seconds: float) -> Iterator[float]:
    """Yield when the requests leave, in seconds from the beginning."""
    draws = random.Random(0)
    after_s = 0.0
    while after_s < seconds:
        yield after_s
        after_s += 1 / rate_per_s if arrivals == "constant" else draws.expovariate(rate_per_s)


async def open_loop(
    port: int,
    requests: Sequence[bytes],
    *,
    rate_per_s: float,
    seconds: float,
    deadline_s: float,
    arrivals: Arrivals = "poisson",
) -> Result:
    """Send at a rate. Who finds no answer at the deadline hangs up; one too many open is one too."""
    result, idle = Result(), list[Connection]()
    tasks: set[asyncio.Task[None]] = set()
    started, cpu = time.perf_counter(), time.process_time()

    async def ask(due: float, request: bytes) -> None:
        connection: Connection | None = None
        try:
            async with asyncio.timeout(deadline_s):
                while idle and connection is None:
                    found = idle.pop()
                    connection = found if found.is_open else None
                connection = connection or await connect(port)
                status = await connection.ask(request)
        except TimeoutError:
            status = HUNG_UP
        except OSError:
            status = BROKEN
        result.note(status, time.perf_counter() - due)
        if connection is not None and connection.is_open and status > 0:
            idle.append(connection)
        elif connection is not None:
            connection.close()

    for index, after_s in enumerate(_departures(arrivals, rate_per_s, seconds)):
        due = started + after_s
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if len(tasks) < _MAX_OPEN:
            task = asyncio.create_task(ask(due, requests[index % len(requests)]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        else:
            result.note(HUNG_UP, 0.0)
    await asyncio.gather(*tasks)
    result.seconds = time.perf_counter() - started
    result.cpu_seconds = time.process_time() - cpu
    for connection in idle:
        connection.close()
    return result
