"""The client against a live service, and against one that is busy."""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inference import formats
from service import client_command
from service.client import (
    IMAGE_SUFFIXES,
    Answer,
    Client,
    Refused,
    Retry,
    Unreachable,
    image_files,
)
from tests.builders import LABELS, coloured, make_package
from tests.service.service_process import ROOT, Process, eventually, running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    models_dir = tmp_path_factory.mktemp("models")
    make_package(models_dir)
    kept = {"GRAFT_KEEP": "sample:1", "GRAFT_KEEP_DIR": str(tmp_path_factory.mktemp("kept"))}
    with running(models_dir, GRAFT_API_KEYS="predict-key-1", **kept) as process:
        yield process


@pytest.fixture
def client(service: Process) -> Iterator[Client]:
    with Client(service.url, api_key="predict-key-1", connections=3) as made:
        yield made


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Thirty images, among them a bad one, a hidden one and a file that is no image."""
    folder = tmp_path / "photos"
    for index in range(30):
        path = folder / f"{index % 3}" / f"{index:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(coloured(LABELS[index % 3]))
    (folder / "0" / "00.png").write_bytes(b"no image")
    (folder / ".hidden.png").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    return folder


_BUSY = json.dumps({"models": [], "detail": "busy", "code": "overloaded"})


@contextmanager
def busy_service(
    *answers: tuple[int, dict[str, str]], body: str = _BUSY
) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers one after another; yields its address and what was asked."""
    asked: list[str] = []
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            status, headers = waiting.pop(0)
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def test_an_image_is_answered_from_a_file_and_from_bytes(client: Client, photos: Path) -> None:
    for image in (coloured("green"), photos / "1" / "01.png"):
        answer = client.predict(image)
        assert (answer.label, answer.model, answer.version) == ("green", "colours", 1)
        assert answer.top[0] == ("green", answer.probability)
    assert len(client.predict(coloured("red"), version=1, top_k=2).top) == 2


def test_the_right_label_of_an_answer_is_sent_back(client: Client) -> None:
    answer = client.predict(coloured("red"))

    def is_right() -> bool:
        try:
            return client.feedback(answer, "red")
        except Refused as err:
            return err.code != "unknown_answer"  # until it is kept, behind the requests

    eventually(is_right, answer.request_id)
    assert not client.feedback(answer.request_id, "orange", index=0)
    with pytest.raises(Refused, match="label"):
        client.feedback(answer, "a/b")


def test_models_are_listed(client: Client) -> None:
    assert [model["name"] for model in client.models()] == ["colours"]


def test_a_bad_image_is_refused_with_the_services_reason(client: Client) -> None:
    with pytest.raises(Refused, match="not an accepted image") as caught:
        client.predict(b"no image")
    assert (caught.value.status, caught.value.code) == (415, "unsupported_format")
    assert caught.value.request_id


def test_a_wrong_key_is_refused_and_not_tried_again(service: Process) -> None:
    with Client(service.url, api_key="wrong-key-123") as made, pytest.raises(Refused) as caught:
        made.models()
    assert caught.value.status == 401


def test_a_folder_is_answered_in_order_and_a_bad_image_alone_fails(
    client: Client, photos: Path
) -> None:
    found = list(client.predict_folder(photos))
    assert [path for path, _ in found] == sorted(photos.rglob("[0-9]*.png"))
    failed = [path.name for path, answer in found if isinstance(answer, Exception)]
    assert failed == ["00.png"]
    for path, answer in found[1:]:
        assert isinstance(answer, Answer)
        assert answer.label == LABELS[int(path.parent.name)]


def test_retry_after_is_honoured_and_then_the_answer_comes() -> None:
    pauses: list[float] = []
    busy = (429, {"Retry-After": "7"})
    with busy_service(busy, (503, {}), (200, {})) as (url, asked):
        with Client(url, retry=Retry(sleep=pauses.append)) as made:
            assert made.models() == []
        assert asked == ["/models"] * 3
    assert 7 <= pauses[0] <= 8.75
    assert 0.5 <= pauses[1] <= 0.625


def test_a_service_that_stays_busy_is_given_up_on() -> None:
    retry = Retry(attempts=2, sleep=lambda seconds: None)
    with busy_service((429, {}), (429, {})) as (url, asked), Client(url, retry=retry) as made:
        with pytest.raises(Refused, match="busy"):
            made.models()
        assert len(asked) == 2


def test_nobody_there_is_unreachable() -> None:
    with busy_service() as (url, _):
        pass
    retry = Retry(attempts=2, sleep=lambda seconds: None)
    with Client(url, retry=retry) as made, pytest.raises(Unreachable):
        made.models()


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://x", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must be like http://127\.0\.0\.1:8000"):
        Client(url)


@pytest.mark.parametrize("address", ["/", "/predict", "/docs", "/models/", "/health/ready"])
def test_an_address_of_the_service_stands_for_it(service: Process, address: str) -> None:
    with Client(f"{service.url}{address}", api_key="predict-key-1") as made:
        assert made.predict(coloured("red")).label == "red"


@pytest.mark.parametrize("path", ["/models/clothing/predict", "/predict?model=clothing"])
def test_the_address_of_a_model_is_told_where_the_model_goes(path: str) -> None:
    with pytest.raises(ValueError, match=r"give http://127\.0\.0\.1:8000, and the model .*--model"):
        Client(f"http://127.0.0.1:8000{path}")


def fails_at_once(seconds: float) -> None:
    raise AssertionError("no waiting mends this")


def test_https_in_place_of_http_is_told(service: Process) -> None:
    url = service.url.replace("http://", "https://")
    said = f"if it speaks plain http, give {service.url}"
    with (
        Client(url, retry=Retry(sleep=fails_at_once)) as made,
        pytest.raises(Unreachable, match=said),
    ):
        made.models()


def test_http_in_place_of_https_is_told() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    # Without a certificate nobody gets in; who speaks plain HTTP is shown out before that.
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with Client(url, retry=Retry(attempts=1)) as made, pytest.raises(Unreachable) as caught:
            made.models()
        assert f"if it speaks https, give {url.replace('http', 'https')}" in str(caught.value)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (301, {"Location": "https://example.org/models"}, "", "a redirect to https://example.org/"),
        (400, {}, "The plain HTTP request was sent to HTTPS port", "it speaks https"),
        (404, {}, "<html>no such page</html>", "is this the service's address?"),
    ],
)
def test_what_is_not_the_service_ends_it_with_a_hint(
    status: int, headers: dict[str, str], body: str, said: str
) -> None:
    with (
        busy_service((status, headers), body=body) as (url, _),
        Client(url) as made,
        pytest.raises(Refused, match=re.escape(said)) as caught,
    ):
        made.models()
    assert caught.value.concerns_every_image


def test_another_servers_page_is_not_taken_for_an_answer() -> None:
    with (
        busy_service((200, {}), body="<html>") as (url, _),
        Client(url) as made,
        pytest.raises(Unreachable, match="is not the service"),
    ):
        made.models()


def test_the_command_writes_a_line_an_image(
    service: Process,
    photos: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(client_command.KEY_VARIABLE, "predict-key-1")
    assert client_command.main([str(photos), "--url", service.url]) == 1
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert len(lines) == 30
    assert "error" in lines[0]
    assert lines[1]["label"] == "red"
    assert "30 of 30 images, 1 failed" in captured.err
    assert client_command.main([str(photos / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_the_command_ends_at_the_first_refusal_that_concerns_every_image(
    service: Process,
    photos: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(client_command.KEY_VARIABLE, raising=False)
    assert client_command.main([str(photos), "--url", service.url]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "error: the service wants an API key; set GRAFT_CLIENT_KEY to one of its keys"
    ]
    monkeypatch.setenv(client_command.KEY_VARIABLE, "wrong-key-123")
    assert client_command.main([str(photos), "--url", service.url]) == 2
    assert "does not know the API key in GRAFT_CLIENT_KEY" in capsys.readouterr().err
    monkeypatch.setenv(client_command.KEY_VARIABLE, "predict-key-1")
    assert client_command.main([str(photos), "--url", service.url, "--model", "nosuch"]) == 2
    assert "nosuch" in capsys.readouterr().err


def test_a_file_name_that_is_no_unicode_does_not_end_the_command(
    service: Process,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(client_command.KEY_VARIABLE, "predict-key-1")
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(coloured("red"))
    assert client_command.main([str(tmp_path), "--url", service.url]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == "caf\udce9.png"


def test_a_folder_has_the_images_that_the_service_takes(tmp_path: Path) -> None:
    assert IMAGE_SUFFIXES == formats.IMAGE_SUFFIXES
    (tmp_path / "phone.HEIC").touch()
    assert [path.name for path in image_files(tmp_path)] == ["phone.HEIC"]


@pytest.mark.parametrize("given", ["0", "-1", "many"])
def test_a_number_of_connections_that_is_none_is_refused_by_its_option(
    photos: Path, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    assert client_command.main([str(photos), "--connections", given]) == 2
    assert f"--connections: must be a whole number of 1 or more, got {given!r}" in (
        capsys.readouterr().err
    )


def test_a_folder_without_images_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert client_command.main([str(tmp_path)]) == 2
    assert "holds no image file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "body",
    [
        {"message": "hello"},
        {"models": 3, "predictions": [{"label": "red"}]},
        {"models": ["a"], "predictions": []},
        {"models": {"a": 1}, "predictions": {}},
    ],
)
def test_json_of_another_server_is_not_taken_for_an_answer(body: dict[str, object]) -> None:
    with (
        busy_service(*[(200, {})] * 3, body=json.dumps(body)) as (url, _),
        Client(url) as made,
    ):
        with pytest.raises(Unreachable, match="is not the service"):
            made.models()
        with pytest.raises(Unreachable, match="is not the service"):
            made.predict(b"x")
        with pytest.raises(Unreachable, match="is not the service"):
            made.feedback("r", "red")


def test_a_retry_without_an_attempt_is_refused() -> None:
    with pytest.raises(ValueError, match="attempts must be 1 or more, got 0"):
        Retry(attempts=0)


def test_the_folder_of_the_client_may_be_copied(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "service" / "client", tmp_path / "graft_client")
    script = "from graft_client import Client; Client('http://127.0.0.1:1').close()"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=60)


def test_a_key_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="api_key"):
        Client("http://127.0.0.1:8000", api_key="…")


def test_the_client_imports_nothing_of_the_server() -> None:
    script = (
        "import sys, service.client; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('fastapi', 'starlette', 'pydantic', 'numpy', 'PIL', 'onnxruntime', 'inference')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"
