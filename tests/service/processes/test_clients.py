"""Clients as they are, odd, slow, gone or hostile, against a service of its own process."""

import json
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.builders import coloured, make_package
from tests.service.attack_cost import measured
from tests.service.endless_model import WHITE, make_endless_package
from tests.service.raw_http import connected, read_all, read_answer, request, statuses
from tests.service.service_process import Process, eventually, running

RED = coloured("red")
REPORT = "/models/colours/versions/1/report"
REPORT_BYTES = 500_000
MAX_CONNECTIONS = 12
SMALL_BUFFER_BYTES = 8192


def write_long_report(folder: Path) -> None:
    (folder / "report.html").write_text("x" * REPORT_BYTES, encoding="utf-8")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    models_dir: Path = tmp_path_factory.mktemp("models")
    make_package(models_dir, after=write_long_report)
    limits = {
        "GRAFT_MAX_CONNECTIONS": str(MAX_CONNECTIONS),
        "GRAFT_WRITE_TIMEOUT_S": "1",
        "GRAFT_BODY_TIMEOUT_S": "300",
        "GRAFT_HEAD_TIMEOUT_S": "300",
    }
    with running(models_dir, **limits) as process:
        yield process
        assert process.stop() == 0
        assert "Traceback" not in process.log
        assert "request_failed" not in process.log


def predict(service: Process) -> httpx2.Response:
    return httpx2.post(f"{service.url}/predict", content=RED, timeout=60)


def counted(service: Process, metric: str) -> float:
    lines = httpx2.get(f"{service.url}/metrics", timeout=60).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(metric))


JAVA_OFFER = (
    "Connection: Upgrade, HTTP2-Settings",
    "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    "Upgrade: h2c",
)
OFFERS = {
    "java": JAVA_OFFER,
    "curl": (JAVA_OFFER[0], JAVA_OFFER[2], JAVA_OFFER[1]),
    "another protocol": ("Connection: keep-alive, upgrade", "Upgrade: foo/1, bar"),
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_offer_of_another_protocol_is_passed_over_with_nothing_lost(
    service: Process, offer: tuple[str, ...], chunked: bool
) -> None:
    with connected(service) as connection:
        body, headers = RED, offer
        if chunked:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(RED), RED)
            headers = (*offer, "Transfer-Encoding: chunked")
        post = request(*headers, method="POST", path="/predict", body=body)
        # In one piece and byte by byte, one behind the other, and no offer at the end.
        connection.sendall(post * 2)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post:
            connection.sendall(bytes([byte]))
        connection.sendall(request(*offer))
        connection.sendall(request("Connection: close"))
        assert statuses(read_all(connection)) == [200] * 5


def test_an_offer_keeps_the_connection_or_not_as_the_client_says(service: Process) -> None:
    with connected(service) as connection:
        connection.sendall(request("Connection: upgrade, close", "Upgrade: websocket"))
        answer = read_all(connection)
    assert statuses(answer) == [200]
    assert b"connection: close" in answer


def test_a_slow_body_behind_an_answered_request_is_waited_for(service: Process) -> None:
    post = request("Connection: close", method="POST", path="/predict", body=RED)
    with connected(service) as connection:
        connection.sendall(request() + post[:-10])
        first = read_answer(connection)
        hung_up, _, _ = select.select([connection], [], [], 2.5)  # the service's patience was 2 s
        assert not hung_up
        connection.sendall(post[-10:])
        assert statuses(first + read_all(connection)) == [200, 200]


def test_what_is_no_http_behind_a_request_does_not_take_its_answer(service: Process) -> None:
    with connected(service) as connection:
        connection.sendall(
            request(method="POST", path="/predict", body=RED) + b"\0\1\2 no HTTP\r\n\r\n"
        )
        assert statuses(read_all(connection)) == [200]


def test_what_is_no_http_is_refused_like_everything_else(service: Process) -> None:
    with connected(service) as connection:
        connection.sendall(b"\0\1\2 no HTTP\r\n\r\n")
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert b"400 Bad Request" in head
    assert json.loads(body)["code"] == "malformed_request"


def test_one_who_has_sent_all_and_only_listens_is_answered(service: Process) -> None:
    with connected(service) as connection:
        connection.sendall(request() + request(method="POST", path="/predict", body=RED))
        connection.shutdown(socket.SHUT_WR)
        assert statuses(read_all(connection)) == [200, 200]


def test_work_for_one_who_has_left_is_given_up(models_dir: Path) -> None:
    make_endless_package(models_dir)
    with running(models_dir, GRAFT_REQUEST_TIMEOUT_S="3600", GRAFT_SHUTDOWN_GRACE_S="1") as service:
        with connected(service) as connection:
            connection.sendall(request(method="POST", path="/predict", body=WHITE))
            eventually(lambda: counted(service, "graft_images_in_service"), "it is not taken in")
        eventually(lambda: "status=499" in service.log, "it is not given up", within_s=30)
        assert counted(service, "graft_images_in_service") == 0


def test_one_who_only_listens_is_told_to_wait_and_answered(models_dir: Path) -> None:
    make_endless_package(models_dir)
    settings = {"GRAFT_REQUEST_TIMEOUT_S": "2", "GRAFT_SHUTDOWN_GRACE_S": "1"}
    with running(models_dir, **settings) as service, connected(service) as connection:
        connection.sendall(request(method="POST", path="/predict", body=WHITE))
        connection.shutdown(socket.SHUT_WR)
        assert statuses(read_all(connection)) == [102, 504]


def test_clients_that_never_read_do_not_keep_others_out(service: Process) -> None:
    before = counted(service, 'graft_problems_total{code="answer_timeout"}')
    connections = [
        connected(service, receive_buffer_bytes=4096) for _ in range(MAX_CONNECTIONS - 2)
    ]
    with measured(service) as cost:
        sockets = [connection.__enter__() for connection in connections]
        for one in sockets:
            one.sendall(request(path=REPORT) * 20)
        timed_out = 'graft_problems_total{code="answer_timeout"}'
        eventually(
            lambda: counted(service, timed_out) >= before + len(sockets),
            "they keep their connections",
            within_s=30,
        )
    for connection in connections:
        connection.__exit__(None, None, None)
    assert cost.memory_mb < 60  # one answer each, not twenty
    assert cost.slowest_live_s < 2
    assert predict(service).status_code == 200


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nX: ", request()], ids=["no", "half", "one"]
)
def test_clients_without_a_request_do_not_keep_others_out(service: Process, sent: bytes) -> None:
    """However long they may wait, where there is room."""
    with ExitStack() as idle:
        for _ in range(MAX_CONNECTIONS):
            idle.enter_context(connected(service)).sendall(sent)
        eventually(lambda: predict_status(service) == 200, "others are kept out", within_s=30)
        assert [predict_status(service) for _ in range(5)] == [200] * 5


def predict_status(service: Process) -> int:
    try:
        return predict(service).status_code
    except httpx2.TransportError:  # refused before it was sent
        return 503


def test_a_client_that_reads_slowly_gets_all_of_its_answers(service: Process) -> None:
    count = 16
    with connected(service, receive_buffer_bytes=SMALL_BUFFER_BYTES) as connection:
        connection.sendall(
            request(path=REPORT) * (count - 1) + request("Connection: close", path=REPORT)
        )
        received, started = 0, time.monotonic()
        while chunk := connection.recv(65536):
            received += len(chunk)
            # A third of it in 4 s, four times the write timeout; the rest as it comes.
            while (
                time.monotonic() - started < 4 and received > (time.monotonic() - started) * 700_000
            ):
                select.select([], [], [], 0.01)
    assert received > count * REPORT_BYTES


def test_a_client_that_leaves_during_its_answer_is_no_mistake_of_ours(service: Process) -> None:
    for _ in range(20):
        with connected(service, receive_buffer_bytes=SMALL_BUFFER_BYTES) as connection:
            connection.sendall(request(path=REPORT) * 30)
            connection.recv(1000)
            reset = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    assert predict(service).status_code == 200
    assert "Traceback" not in service.log
    assert "request_failed" not in service.log


def test_a_trailer_without_an_end_is_cut_off(service: Process) -> None:
    head = request("Transfer-Encoding: chunked", method="POST", path="/predict", body=b"0\r\nX: ")
    with measured(service) as cost, connected(service) as connection:
        connection.sendall(head)
        answer = send_until_cut_off(connection, b"a" * 2**20, 60)
    assert statuses(answer) in ([431], [])  # where more was on its way, the answer may be lost
    assert cost.slowest_live_s < 1
    assert cost.memory_mb < 30


def test_a_chunk_whose_extension_does_not_end_is_cut_off(service: Process) -> None:
    head = request("Transfer-Encoding: chunked", method="POST", path="/predict", body=b"5;")
    with connected(service) as connection:
        connection.sendall(head)
        assert statuses(send_until_cut_off(connection, b"a" * 2**20, 60)) in ([431], [])


def test_a_body_in_pieces_of_a_byte_is_cut_off(service: Process) -> None:
    """Each piece costs the same, whatever is in it."""
    head = request("Transfer-Encoding: chunked", method="POST", path="/predict")
    json_head = head.replace(b"Host: x", b"Host: x\r\nContent-Type: application/json")
    with measured(service) as cost, connected(service) as connection:
        connection.sendall(json_head)
        answer = send_until_cut_off(connection, b"1\r\n \r\n" * 150_000, 60)
    assert statuses(answer) in ([400], [])
    assert cost.cpu_s < 2
    assert cost.slowest_live_s < 1


def send_until_cut_off(connection: socket.socket, data: bytes, times: int) -> bytes:
    """Send data again and again until the other side closes; return what it answered."""
    try:
        for _ in range(times):
            connection.sendall(data)
    except ConnectionError:
        return read_all(connection)
    raise AssertionError("everything was taken")


def test_a_flood_of_requests_on_one_connection_is_not_kept(service: Process) -> None:
    with measured(service) as cost, connected(service) as connection:
        flood = b"GET /health/live HTTP/1.1\r\n\r\n" * 100_000
        answer = send_until_cut_off(connection, flood, 60)
    assert statuses(answer) in ([200] * n for n in range(64))
    assert cost.memory_mb < 30
    assert cost.slowest_live_s < 1
