"""The service as a process of its own: real sockets and exit codes."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest

from tests.builders import coloured, make_package
from tests.service.service_process import (
    ROOT,
    environment,
    open_connection,
    running,
    start_and_fail,
)


def test_a_process_answers_and_sigterm_ends_it_with_0(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir) as service:
        answer = httpx2.post(f"{service.url}/predict", content=coloured("red")).json()
        assert answer["predictions"][0]["label"] == "red"
        assert service.stop() == 0
        assert "Traceback" not in service.log


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


def test_a_slow_body_is_408_and_the_service_goes_on(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_BODY_TIMEOUT_S="0.05") as service:
        with open_connection(service.url) as connection:
            connection.putrequest("POST", "/predict")
            connection.putheader("Content-Type", "image/png")
            connection.putheader("Content-Length", "1000")
            connection.endheaders(b"x")
            response = connection.getresponse()
            assert (response.status, json.load(response)["code"]) == (408, "body_timeout")
        assert httpx2.post(f"{service.url}/predict", content=coloured("red")).status_code == 200


def test_a_body_that_only_claims_to_be_too_large_is_413_at_once(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir) as service, open_connection(service.url) as connection:
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
            with open_connection(service.url) as connection:
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


@pytest.mark.parametrize(
    ("host", "options", "exit_code", "said"),
    [
        ("127.0.0.1", [], 0, "ok: colours 1 would answer"),
        ("127.0.0.1", ["--models-dir", "/nowhere"], 2, "error: the models folder /nowhere does"),
        ("0.0.0.0", [], 2, "error: host '0.0.0.0'"),
        ("127.0.0.1", ["--prot", "1"], 2, "error: no option --prot; did you mean --port?"),
        ("127.0.0.1", ["models"], 2, "--models-dir"),
    ],
)
def test_a_check_of_the_settings_says_one_line_and_ends(
    models_dir: Path, host: str, options: list[str], exit_code: int, said: str
) -> None:
    make_package(models_dir)
    variables = environment(GRAFT_HOST=host, GRAFT_MODELS_DIR=str(models_dir))
    command = [sys.executable, "-m", "service", "--check", *options]
    ended = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == exit_code
    (line,) = (ended.stdout + ended.stderr).splitlines()
    assert said in line


def test_an_option_counts_before_its_variable_in_any_case(models_dir: Path) -> None:
    make_package(models_dir)
    given = {"GRAFT_MODELS_DIR": "/nowhere", "graft_models_dir": "/nowhere either"}
    command = [sys.executable, "-m", "service", "--check", "--models-dir", str(models_dir)]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(**given), capture_output=True, check=False, timeout=60
    )
    assert ended.returncode == 0, ended.stderr


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
