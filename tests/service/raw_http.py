"""HTTP byte by byte over a socket of one's own, for what no library would send."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.service.service_process import Process


@contextmanager
def connected(
    service: Process, *, receive_buffer_bytes: int | None = None
) -> Iterator[socket.socket]:
    """Connect; with a small buffer what the client does not read stays with the service."""
    address = urlsplit(service.url)
    with socket.socket() as connection:
        connection.settimeout(60)
        if receive_buffer_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        connection.connect((address.hostname, address.port))
        yield connection


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the connection ends, however it ends."""
    chunks = []
    try:
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    except ConnectionError:
        pass
    return b"".join(chunks)


def read_answer(connection: socket.socket) -> bytes:
    """Return one answer that says its length: head and body may come apart."""
    answer = b""
    while True:
        head, end, body = answer.partition(b"\r\n\r\n")
        _, _, rest = head.lower().partition(b"content-length:")
        if end and len(body) >= int(rest.split(b"\r\n")[0]):
            return answer
        chunk = connection.recv(65536)
        assert chunk, f"the connection ended within an answer: {answer!r}"
        answer += chunk


def statuses(answers: bytes) -> list[int]:
    """Return the statuses of answers that came one behind the other."""
    return [int(rest[:3]) for rest in answers.split(b"HTTP/1.1 ")[1:]]


def request(
    *headers: str, method: str = "GET", path: str = "/health/live", body: bytes = b""
) -> bytes:
    """Return a request; with a body also its length, unless a header says how it comes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    if body and not any(header.startswith("Transfer-Encoding") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
