"""The service as a process of its own: real sockets, signals, and exit codes."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.builders import coloured, make_package
from tests.service.endless_model import WHITE, make_endless_package
from tests.service.service_process import ROOT, Process, environment, running, start_and_fail


def test_a_process_answers_and_sigterm_ends_it_with_0(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir) as service:
        answer = httpx2.post(f"{service.url}/predict", content=coloured("red")).json()
        assert answer["predictions"][0]["label"] == "red"
        assert service.stop() == 0
        assert "Traceback" not in service.log


def test_who_has_just_come_when_it_ends_is_answered(models_dir: Path) -> None:
    """A proxy has connected and its request is on the way: closed then, it would be answered with 502."""
    make_package(models_dir)
    with running(models_dir) as service:
        address = urlsplit(service.url)
        where = (address.hostname, address.port)
        with socket.create_connection(where, timeout=30) as connection:
            httpx2.get(f"{service.url}/health/live")  # so the one before it has been accepted
            service.process.send_signal(signal.SIGTERM)
            while listens(where):
                pass
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer.lower()
        assert service.stop() == 0


def listens(where: tuple[str | None, int | None]) -> bool:
    try:
        socket.create_connection(where, timeout=30).close()
    except ConnectionError:
        return False
    return True


def test_ctrl_c_ends_it_without_a_stack_trace(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir) as service:
        assert service.stop(signal.SIGINT) == 0
        assert "Traceback" not in service.log


def test_sigterm_finishes_what_was_accepted(models_dir: Path) -> None:
    make_package(models_dir)
    body = coloured("blue")
    with running(models_dir, GRAFT_DRAIN_DELAY_S="2") as service:
        with listening_connection(service.url) as connection:
            connection.putrequest("POST", "/predict")
            connection.putheader("Content-Type", "image/png")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[:10])
            service.process.send_signal(signal.SIGTERM)
            while httpx2.get(f"{service.url}/health/ready").status_code == 200:
                pass  # until ready is off, the service still listening
            connection.send(body[10:])
            response = connection.getresponse()
            assert json.load(response)["predictions"][0]["label"] == "blue"
        assert service.stop() == 0


@contextmanager
def listening_connection(url: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def test_new_versions_come_into_service_by_themselves_and_lose_no_request(
    models_dir: Path,
) -> None:
    make_package(models_dir)
    seen: set[int] = set()
    statuses: set[int] = set()
    with running(models_dir, GRAFT_POLL_INTERVAL_S="0.1") as service:

        def post_until_served(version: int) -> None:
            with httpx2.Client(base_url=service.url) as client:
                while version not in seen:
                    response = client.post("/predict", content=coloured("red"))
                    statuses.add(response.status_code)
                    seen.add(response.json()["model"]["version"])

        for version in (2, 3, 4):
            clients = [threading.Thread(target=post_until_served, args=[version]) for _ in "abc"]
            for client in clients:
                client.start()
            make_package(models_dir)
            for client in clients:
                client.join(timeout=30)
        assert statuses == {200}
        assert seen == {1, 2, 3, 4}


def test_a_second_signal_ends_it_at_once(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_DRAIN_DELAY_S="3600") as service:
        service.process.send_signal(signal.SIGTERM)
        while httpx2.get(f"{service.url}/health/ready").status_code == 200:
            pass
        assert service.stop() == 0
        assert "Traceback" not in service.log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_ends_it_within_its_grace_whatever_a_thread_is_doing(
    models_dir: Path, workers: str
) -> None:
    make_endless_package(models_dir)
    settings = {"GRAFT_WORKERS": workers, "GRAFT_SHUTDOWN_GRACE_S": "1"}
    with running(models_dir, **settings) as service:
        begin_endless_request(service)
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 10  # without a bound: for ever
        assert "Traceback" not in service.log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_sigterm_ends_it_at_once_whatever_a_thread_is_doing(
    models_dir: Path, workers: str
) -> None:
    make_endless_package(models_dir)
    settings = {"GRAFT_WORKERS": workers, "GRAFT_SHUTDOWN_GRACE_S": "3600"}
    with running(models_dir, **settings) as service:
        begin_endless_request(service)
        service.process.send_signal(signal.SIGTERM)
        while "draining" not in service.log:
            assert service.process.poll() is None
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 10
        assert "Traceback" not in service.log


def begin_endless_request(service: Process) -> None:
    """Have an image run that is never answered; the caller has gone when this returns."""
    headers = {"X-Request-Timeout-Ms": "300"}
    answer = httpx2.post(f"{service.url}/predict", content=WHITE, headers=headers, timeout=60)
    assert answer.status_code == 504


def test_a_slow_body_is_408_and_the_service_goes_on(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_BODY_TIMEOUT_S="0.05") as service:
        with listening_connection(service.url) as connection:
            connection.putrequest("POST", "/predict")
            connection.putheader("Content-Type", "image/png")
            connection.putheader("Content-Length", "1000")
            connection.endheaders(b"x")
            response = connection.getresponse()
            assert (response.status, json.load(response)["code"]) == (408, "body_timeout")
        assert httpx2.post(f"{service.url}/predict", content=coloured("red")).status_code == 200


def test_a_body_that_only_claims_to_be_too_large_is_413_at_once(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir) as service, listening_connection(service.url) as connection:
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Type", "image/png")
        connection.putheader("Content-Length", str(10**12))
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, response.getheader("connection")) == (413, "close")


def test_a_client_that_leaves_does_no_harm(models_dir: Path) -> None:
    make_package(models_dir)
    body = coloured("red")
    with running(models_dir) as service:
        for sent in (b"", body[:10], body):
            with listening_connection(service.url) as connection:
                connection.putrequest("POST", "/predict")
                connection.putheader("Content-Type", "image/png")
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(sent)
        assert httpx2.post(f"{service.url}/predict", content=body).status_code == 200
        metrics = httpx2.get(f"{service.url}/metrics").text
        assert "graft_images_in_service 0.0" in metrics
        service.stop()
        assert "Traceback" not in service.log


@pytest.mark.parametrize(
    ("settings", "fact"),
    [
        ({"GRAFT_PORT": "http"}, "GRAFT_PORT"),
        ({"GRAFT_HOST": "0.0.0.0"}, "GRAFT_API_KEYS"),
        ({"GRAFT_HOST": "192.0.2.1", "GRAFT_ALLOW_ANONYMOUS": "1"}, "cannot listen on 192.0.2.1"),
    ],
    ids=["bad value", "no key", "no such address"],
)
def test_what_cannot_start_says_why_with_exit_code_2(settings: dict[str, str], fact: str) -> None:
    ended = start_and_fail(**settings)
    assert ended.returncode == 2
    assert fact in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("host", "exit_code"), [("127.0.0.1", 0), ("0.0.0.0", 2)])
def test_a_check_of_the_settings_ends_without_serving(host: str, exit_code: int) -> None:
    variables = environment(GRAFT_HOST=host)
    command = [sys.executable, "-m", "service", "--check"]
    ended = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, check=False, timeout=60
    )
    assert ended.returncode == exit_code


def test_a_port_in_use_is_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = start_and_fail(GRAFT_PORT=str(taken.getsockname()[1]))
    assert ended.returncode == 2
    assert "Address already in use" in ended.stderr


def test_the_service_loads_no_training_library(models_dir: Path) -> None:
    make_package(models_dir)
    script = (
        "import json, sys\n"
        "from fastapi.testclient import TestClient\n"
        "from service.app import create_app\n"
        "app = create_app()\n"
        "with TestClient(app) as client:\n"
        "    client.portal.call(app.state.context.registry.settled)\n"
        "    assert client.get('/health/ready').status_code == 200\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment(GRAFT_MODELS_DIR=str(models_dir)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(json.loads(ended.stdout))
    assert "onnxruntime" in loaded
    assert loaded & {"torch", "torchvision", "timm", "sklearn", "onnx", "training"} == set()
