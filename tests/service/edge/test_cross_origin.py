"""Pages of other sites: as a browser asks, and what it must find in every answer."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from service.edge.cross_origin import refusal_headers
from tests.builders import coloured, make_package
from tests.conftest import ClientFactory, serving
from tests.service.service_process import running

PAGE = "https://app.example.org"
ALLOWED = "access-control-allow-origin"
KEY = "a-long-key"


@pytest.fixture(scope="module")
def client(colours_dir: Path) -> Iterator[TestClient]:
    origins = f"{PAGE},http://localhost:3000"
    with serving(colours_dir, cors_origins=origins, api_keys=[KEY]) as client:
        yield client


def test_a_preflight_allows_keys_in_headers_and_no_cookies(client: TestClient) -> None:
    answer = client.options(
        "/predict",
        headers={
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-api-key,x-request-id,"
            "x-request-timeout-ms,inference-header-content-length,content-encoding,traceparent",
        },
    )
    assert answer.status_code == 200
    assert answer.headers[ALLOWED] == PAGE
    assert "access-control-allow-credentials" not in answer.headers
    assert "x-request-id" in answer.headers


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/models", {"X-API-Key": KEY}, 200),
        ("/models", {}, 401),
        ("/models/none", {"X-API-Key": KEY}, 404),
        ("/none", {}, 404),
        ("/predict", {}, 405),
        ("/models/refresh", {"X-API-Key": KEY}, 404),
    ],
)
def test_an_answer_of_any_status_can_be_read(
    client: TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(path, headers={"Origin": PAGE, **headers})
    assert (answer.status_code, answer.headers[ALLOWED]) == (status, PAGE)
    assert "Origin" in answer.headers["vary"]
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"X-Request-ID", "Retry-After", "Server-Timing", "WWW-Authenticate"} <= exposed


def test_refused_images_and_deadlines_can_be_read(client: TestClient) -> None:
    headers = {"Origin": PAGE, "X-API-Key": KEY}
    bad = client.post("/predict", content=b"no image", headers=headers)
    late = client.post(
        "/predict", content=coloured("red"), headers={**headers, "X-Request-Timeout-Ms": "x"}
    )
    assert (bad.status_code, bad.headers[ALLOWED]) == (415, PAGE)
    assert (late.status_code, late.headers[ALLOWED]) == (422, PAGE)


def test_a_mistake_of_ours_can_be_read(
    models_dir: Path, start_service: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start_service(cors_origins="*")
    monkeypatch.setattr("service.routes.models.describe_all", lambda registry: 1 / 0)
    answer = client.get("/models", headers={"Origin": "https://any.example"})
    assert (answer.status_code, answer.headers[ALLOWED]) == (500, "*")
    assert answer.json()["code"] == "internal_error"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://app.example.org", f"{PAGE}.evil.example", "null"]
)
def test_other_sites_may_read_nothing(client: TestClient, origin: str) -> None:
    answer = client.get("/models", headers={"Origin": origin, "X-API-Key": KEY})
    assert ALLOWED not in answer.headers
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    refused = client.options("/predict", headers=headers)
    assert refused.status_code == 400
    assert ALLOWED not in refused.headers


def test_it_is_off_by_default(models_dir: Path, start_service: ClientFactory) -> None:
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    client = start_service()
    assert client.options("/predict", headers=headers).status_code == 405
    assert ALLOWED not in client.get("/models", headers=headers).headers


@pytest.mark.parametrize(
    ("origins", "sent", "allowed"),
    [
        ((), b"https://a.example", None),
        (("*",), None, "*"),
        (("https://a.example",), None, "https://a.example"),
        (("https://a.example", "https://b.example"), None, None),
        (("https://a.example", "https://b.example"), b"https://b.example", "https://b.example"),
        (("https://a.example",), b"https://evil.example", None),
    ],
)
def test_what_never_became_a_request_names_the_page_where_it_is_known(
    origins: tuple[str, ...], sent: bytes | None, allowed: str | None
) -> None:
    headers = [(b"origin", sent)] if sent else []
    assert refusal_headers(origins, headers).get("Access-Control-Allow-Origin") == allowed


def test_refusals_before_any_route_can_be_read(models_dir: Path) -> None:
    make_package(models_dir)
    origins = f"{PAGE},http://localhost:3000"
    with running(models_dir, GRAFT_CORS_ORIGINS=origins, GRAFT_HEAD_TIMEOUT_S="2") as service:
        too_long = answer_to(service.url, "X-Long: " + "x" * 20_000 + "\r\n\r\n")
        too_slow = answer_to(service.url, "X-Slow: ")
    for answer, status in ((too_long, b"431"), (too_slow, b"408")):
        assert answer.split(b" ")[1] == status
        assert f"Access-Control-Allow-Origin: {PAGE}\r\n".encode() in answer


def answer_to(url: str, rest: str) -> bytes:
    """Return all that comes back for a request whose head ends in `rest`."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        head = f"GET /models HTTP/1.1\r\nHost: x\r\nOrigin: {PAGE}\r\n{rest}"
        connection.sendall(head.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))
