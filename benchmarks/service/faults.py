"""What one bad client does to a server and to the others."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.service.load import connect
from benchmarks.service.processes import resident_mb
from benchmarks.service.servers import Server

_ROUNDS: Final = 10
_GOOD: Final = 15
_HUGE_BYTES: Final = 512 * 2**20
# Begins like a JPEG and then is none: a decoder finds out, not a look at the first bytes.
BAD_IMAGE: Final = b"\xff\xd8\xff\xe0" + b"\0" * 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What was seen; the texts say what the server answered and when."""

    failed_neighbours: int
    neighbours: int
    bad_status: int
    huge_body: str
    slow_body: str


async def measure_faults(
    server: Server, port: int, images: Sequence[bytes], session_id: int, *, patience_s: float
) -> Faults:
    """Run all of them, one after another.

    `session_id` is that of the server's processes; `patience_s` is how long to wait for it to act.
    """
    failed, bad_status = await _neighbours(server, port, images)
    loop = asyncio.get_running_loop()
    huge = await loop.run_in_executor(None, _huge_body, server, port, session_id, patience_s)
    slow = await loop.run_in_executor(None, _slow_body, server, port, patience_s)
    return Faults(
        failed_neighbours=failed,
        neighbours=_ROUNDS * _GOOD,
        bad_status=bad_status,
        huge_body=huge,
        slow_body=slow,
    )


async def _neighbours(server: Server, port: int, images: Sequence[bytes]) -> tuple[int, int]:
    """Send good images and a bad one at the same moment; return how many good ones failed."""
    good = [server.request(images[index % len(images)]) for index in range(_GOOD)]
    requests = [*good[: _GOOD // 2], server.request(BAD_IMAGE), *good[_GOOD // 2 :]]
    failed, bad_status = 0, 0
    for _ in range(_ROUNDS):
        connections = [await connect(port) for _ in requests]
        statuses = await asyncio.gather(
            *(c.ask(request) for c, request in zip(connections, requests, strict=True))
        )
        bad_status = statuses.pop(_GOOD // 2)
        failed += sum(status != 200 for status in statuses)
        for connection in connections:
            connection.close()
    return failed, bad_status


def _huge_body(server: Server, port: int, session_id: int, patience_s: float) -> str:
    """Send 0.5 GB and see what comes back, when, and how much memory the server took meanwhile."""
    _, content_type = server.body(b"")
    head = (
        f"POST {server.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {_HUGE_BYTES}\r\n\r\n"
    ).encode()
    before, peak, started = resident_mb(session_id), 0.0, time.monotonic()
    chunk = b"\0" * 2**20
    with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(head)
            for index in range(_HUGE_BYTES // len(chunk)):
                connection.sendall(chunk)
                if index % 16 == 0:
                    peak = max(peak, resident_mb(session_id))
        status = _status(connection)
        peak = max(peak, resident_mb(session_id))
    return f"{status} after {time.monotonic() - started:.1f} s, {max(0.0, peak - before):+.0f} MB"


def _slow_body(server: Server, port: int, patience_s: float) -> str:
    """Send one byte a second and see how long the server lets that go on."""
    _, content_type = server.body(b"")
    head = (
        f"POST {server.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        "Content-Length: 100000\r\n\r\n"
    ).encode()
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
        connection.sendall(head)
        while time.monotonic() - started < patience_s:
            try:
                connection.sendall(b"x")
                answer = connection.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                answer = b""
            status = answer[9:12].decode() if answer else "hung up"
            return f"{status} after {time.monotonic() - started:.0f} s"
    return f"still open after {patience_s:.0f} s"


def _status(connection: socket.socket) -> str:
    try:
        answer = connection.recv(65536)
    except OSError:
        return "hung up"
    return answer[9:12].decode() if answer else "hung up"
