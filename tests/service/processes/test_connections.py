"""Raw sockets against a service of its own process: heads, connections and bodies that do not end."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.builders import coloured, make_package
from tests.service.service_process import Process, running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    models_dir: Path = tmp_path_factory.mktemp("models")
    make_package(models_dir)
    limits = {
        "GRAFT_HEAD_TIMEOUT_S": "0.3",
        "GRAFT_MAX_HEAD_BYTES": "4096",
        "GRAFT_MAX_HEADERS": "20",
        "GRAFT_MAX_CONNECTIONS": "8",
    }
    with running(models_dir, **limits) as process:
        yield process
        assert process.stop() == 0
        assert "Traceback" not in process.log


@contextmanager
def connected(service: Process) -> Iterator[socket.socket]:
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        yield connection


def read_all(connection: socket.socket) -> bytes:
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def problem(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"application/problem+json" in head
    return int(head.split()[1]), json.loads(body)["code"]


def answers_still(service: Process) -> bool:
    response = httpx2.post(f"{service.url}/predict", content=coloured("red"))
    return bool(response.json()["predictions"][0]["label"] == "red")


def test_one_who_says_nothing_is_hung_up_on(service: Process) -> None:
    with connected(service) as connection:
        assert read_all(connection) == b""
    assert answers_still(service)


def test_a_head_that_does_not_end_in_time_is_408(service: Process) -> None:
    with connected(service) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert problem(read_all(connection)) == (408, "head_timeout")
    assert answers_still(service)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health/live HTTP/1.1\r\nX-Long: " + b"a" * 5000 + b"\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nX-Unended: " + b"a" * 5000,
        b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n" + b"A: b\r\n" * 21 + b"\r\n",
    ],
    ids=["long", "unended", "address", "many"],
)
def test_a_head_over_its_limits_is_431(service: Process, head: bytes) -> None:
    with connected(service) as connection:
        connection.sendall(head)
        assert problem(read_all(connection)) == (431, "head_too_large")
    assert answers_still(service)


def test_a_long_body_in_the_same_packet_as_its_head_is_no_long_head(service: Process) -> None:
    body = coloured("red") + b"\0" * 8000  # what follows a PNG's end is ignored
    head = f"POST /predict HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    with connected(service) as connection:
        connection.sendall(head.encode() + body)
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")


def test_one_connection_serves_many_requests(service: Process) -> None:
    with httpx2.Client(base_url=service.url) as client:
        for _ in range(30):
            assert client.post("/predict", content=coloured("red")).status_code == 200


def test_a_connection_too_many_is_503(service: Process) -> None:
    with connected(service) as first:
        others = [connected(service) for _ in range(8)]
        try:
            sockets = [other.__enter__() for other in others]
            assert problem(read_all(sockets[-1])) == (503, "too_many_connections")
            first.sendall(b"GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert read_all(first).startswith(b"HTTP/1.1 200 ")
        finally:
            for other in others:
                other.__exit__(None, None, None)
    assert answers_still(service)


def test_a_body_that_nobody_reads_does_not_keep_the_connection(service: Process) -> None:
    with connected(service) as connection:
        connection.sendall(
            b"POST /models/nobody/predict HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nx"
        )
        assert read_all(connection).startswith(b"HTTP/1.1 404 ")
    assert answers_still(service)


def test_refusals_are_counted(service: Process) -> None:
    with connected(service) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 21 + b"\r\n")
        read_all(connection)
    text = httpx2.get(f"{service.url}/metrics").text
    assert 'graft_problems_total{code="head_too_large"}' in text
