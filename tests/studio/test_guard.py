"""Who may call: every way in from elsewhere is refused."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from studio.access.hosts import hosts_of
from studio.access.own_address import shown_host
from studio.app import create_app
from studio.settings import Settings

SECRET = "a-secret-of-this-studio"
HOST = "127.0.0.1:4711"
BASE = f"http://{HOST}"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(
        models_dir=tmp_path / "models",
        roots=(tmp_path,),
        secret=SECRET,
        hosts=frozenset({HOST}),
        cache_dir=tmp_path / "cache",
    )
    with TestClient(create_app(settings), base_url=BASE) as client:
        yield client


def enter(client: TestClient) -> None:
    assert client.get("/", params={"secret": SECRET}).status_code == 200


def test_the_address_with_the_secret_is_exchanged_for_a_strict_cookie(client: TestClient) -> None:
    entered = client.get("/", params={"secret": SECRET, "project": "a b"})
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert 'url=/#/a%20b/data"' in entered.text
    assert SECRET not in entered.text
    assert client.get("/api/projects").status_code == 200


@pytest.mark.parametrize("path", ["/", "/main.js", "/api/projects", "/api/folders"])
def test_nothing_is_answered_without_the_secret(client: TestClient, path: str) -> None:
    for params in ({}, {"secret": "another"}, {"secret": ""}):
        assert client.get(path, params=params).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example:4711", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:4711", ""]
)
def test_a_name_that_was_bent_to_this_machine_is_no_host_of_it(
    client: TestClient, host: str
) -> None:
    enter(client)
    assert client.get("/api/projects", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8000"},
        {},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_a_change_needs_our_own_origin(client: TestClient, headers: dict[str, str]) -> None:
    enter(client)
    body = {"path": "/"}
    assert client.post("/api/projects", json=body, headers=headers).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_reads_nothing_with_the_cookie(client: TestClient, site: str) -> None:
    enter(client)
    assert client.get("/api/projects", headers={"sec-fetch-site": site}).status_code == 403


def test_a_program_comes_in_with_the_secret_in_its_header(client: TestClient) -> None:
    headers = {"authorization": f"Bearer {SECRET}"}
    assert client.get("/api/projects", headers=headers).status_code == 200
    assert client.get("/api/projects", headers={"authorization": "Bearer x"}).status_code == 401


def test_every_answer_carries_the_policy(client: TestClient) -> None:
    enter(client)
    for path in ("/", "/api/projects", "/api/nowhere"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_computer_name_with_capitals_is_its_own(tmp_path: Path) -> None:
    settings = Settings(
        models_dir=tmp_path / "models",
        roots=(tmp_path,),
        secret=SECRET,
        hosts=frozenset({"Annas-Mac.local:4711"}),
        cache_dir=tmp_path / "cache",
    )
    # Browsers write names small.
    with TestClient(create_app(settings), base_url="http://annas-mac.local:4711") as client:
        enter(client)
        assert client.get("/api/projects").status_code == 200


def test_browsers_leave_out_the_usual_port() -> None:
    assert {"127.0.0.1", "127.0.0.1:80"} <= hosts_of("127.0.0.1", 80)
    assert "127.0.0.1" not in hosts_of("127.0.0.1", 4711)


def test_a_machine_that_cannot_look_up_its_own_name_still_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "no-such-name.invalid")
    assert "no-such-name.invalid:4711" in hosts_of("0.0.0.0", 4711)


def test_the_address_that_is_printed_for_all_addresses_can_be_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("studio.access.own_address.own_address", lambda family: "192.168.7.7")
    shown = shown_host("0.0.0.0")
    assert shown == "192.168.7.7"
    assert f"{shown}:4711" in hosts_of("0.0.0.0", 4711)
    assert shown_host("127.0.0.1") == "127.0.0.1"
