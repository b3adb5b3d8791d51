"""API keys over HTTP: who may predict, who may administer, and what stays open."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from service.limits.access import Access
from tests.builders import coloured, make_package
from tests.conftest import ClientFactory, serving
from tests.service.service_process import running

KEY, SECOND_KEY, ADMIN = "predict-key-1", "predict-key-2", "admin-key-123"
GUARDED = [
    ("GET", "/models"),
    ("GET", "/models/colours"),
    ("GET", "/models/colours/versions/1"),
    ("GET", "/models/colours/versions/1/report"),
    ("GET", "/metrics"),
]
ADMIN_CALLS = [
    ("POST", "/models/refresh"),
    ("PUT", "/models/colours/aliases/stable"),
    ("POST", "/models/colours/versions/1/load"),
    ("POST", "/models/colours/versions/1/unload"),
]


@pytest.fixture(scope="module")
def guarded(colours_dir: Path) -> Iterator[TestClient]:
    with serving(colours_dir, api_keys=f"{KEY}, {SECOND_KEY}", admin_keys=ADMIN) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers",
    [bearer(KEY), bearer(SECOND_KEY), {"x-api-key": KEY}, bearer(ADMIN)],
    ids=["bearer", "second key", "header", "admin key"],
)
def test_a_known_key_may_predict(guarded: TestClient, headers: dict[str, str]) -> None:
    headers = {**headers, "content-type": "image/png"}
    assert guarded.post("/predict", content=coloured("red"), headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("wrong-key-123"),
        bearer(KEY[:-1]),
        bearer(KEY + "x"),
        bearer(""),
        bearer("k" * 10_000),
        {"x-api-key": ""},
        {"x-api-key": "schlüssel"},
        {"authorization": f"Basic {KEY}"},
    ],
    ids=["none", "wrong", "shorter", "longer", "empty", "huge", "empty header", "umlaut", "basic"],
)
def test_another_key_may_not_predict(guarded: TestClient, headers: dict[str, str]) -> None:
    encoded = [(n.encode(), value.encode("latin-1")) for n, value in headers.items()]
    response = guarded.post("/predict", content=b"never read", headers=encoded)
    assert (response.status_code, response.json()["code"]) == (401, "api_key_required")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "url"), GUARDED)
def test_what_tells_of_models_is_guarded(guarded: TestClient, method: str, url: str) -> None:
    assert guarded.request(method, url).status_code == 401
    assert guarded.request(method, url, headers=bearer(KEY)).status_code == 200


def test_every_documented_call_wants_a_key_or_is_documented_as_open(guarded: TestClient) -> None:
    """Some routes check the caller themselves: none of them may forget it."""
    paths = guarded.get("/openapi.json").json()["paths"]
    calls = [(path, method) for path in paths for method in paths[path]]
    assert ("/models/{name}/versions/{version}/predict", "post") in calls
    for path, method in calls:
        url = path.replace("{name}", "colours").replace("{version}", "1").replace("{alias}", "a")
        refused = guarded.request(method, url, content=b"never read").status_code == 401
        assert refused == ("security" in paths[path][method]), (method, path)


@pytest.mark.parametrize("url", ["/health/live", "/health/ready", "/docs", "/openapi.json"])
def test_health_and_docs_are_open(guarded: TestClient, url: str) -> None:
    assert guarded.get(url).status_code == 200


@pytest.mark.parametrize(("method", "url"), ADMIN_CALLS)
def test_a_key_that_may_predict_may_not_administer(
    guarded: TestClient, method: str, url: str
) -> None:
    assert guarded.request(method, url).status_code == 401
    response = guarded.request(method, url, headers=bearer(KEY))
    assert (response.status_code, response.json()["code"]) == (403, "admin_key_required")


@pytest.mark.parametrize(("method", "url"), ADMIN_CALLS)
def test_without_an_admin_key_nobody_administers(client: TestClient, method: str, url: str) -> None:
    response = client.request(method, url, headers=bearer(ADMIN))
    assert (response.status_code, response.json()["code"]) == (403, "admin_disabled")
    assert "GRAFT_ADMIN_KEYS" in response.json()["detail"]


def test_no_answer_repeats_a_key(guarded: TestClient) -> None:
    response = guarded.get("/models", headers=bearer("wrong-key-123"))
    assert "wrong-key-123" not in response.text
    assert KEY not in guarded.get("/openapi.json").text


@pytest.mark.parametrize(
    "url",
    [
        "/models//refresh",
        "/models/./refresh",
        "//models/refresh",
        "/models/refresh/",
        "/MODELS/refresh",
    ],
)
def test_no_way_of_writing_an_address_gets_past_the_key(guarded: TestClient, url: str) -> None:
    assert guarded.post(url).status_code in (401, 404, 405)


def test_callers_are_told_apart_by_key_and_else_by_address_or_network() -> None:
    access = Access(api_keys=[SecretStr(KEY)], admin_keys=[])
    assert access.caller_id(KEY, "192.0.2.1") == access.caller_id(KEY, "192.0.2.2")
    assert access.caller_id(None, "192.0.2.1") != access.caller_id(None, "192.0.2.2")
    # A key that is not known must not buy a bucket of its own.
    assert access.caller_id("made-up-1", "192.0.2.1") == access.caller_id("made-up-2", "192.0.2.1")
    assert access.caller_id(None, "2001:db8::1") == access.caller_id(None, "2001:db8::2")
    assert access.caller_id(None, "2001:db8::1") != access.caller_id(None, "2001:db8:0:1::1")


@pytest.mark.parametrize("prefix", ["::ffff:", "::FFFF:", "0:0:0:0:0:ffff:", "64:ff9b::"])
def test_an_ipv4_caller_is_the_same_one_however_a_proxy_writes_it(prefix: str) -> None:
    access = Access(api_keys=[], admin_keys=[])
    plain = [access.caller_id(None, f"192.0.2.{n}") for n in (1, 2)]
    assert [access.caller_id(None, f"{prefix}192.0.2.{n}") for n in (1, 2)] == plain


def test_what_a_proxy_names_is_kept_short() -> None:
    access = Access(api_keys=[], admin_keys=[])
    assert len(access.caller_id(None, "x" * 16_000)) < 100


def test_of_many_callers_behind_one_proxy_only_the_greedy_one_is_429(models_dir: Path) -> None:
    make_package(models_dir)
    settings = {
        "GRAFT_TRUSTED_PROXIES": "127.0.0.1",
        "GRAFT_RATE_LIMIT_PER_S": "0.001",
        "GRAFT_RATE_LIMIT_BURST": "1",
    }
    with running(models_dir, **settings) as service:

        def status(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            url = f"{service.url}/predict"
            return httpx2.post(
                url, content=coloured("red"), headers=headers, timeout=60
            ).status_code

        assert [status("::ffff:192.0.2.1"), status("192.0.2.1")] == [200, 429]
        assert status("::ffff:192.0.2.2") == 200
        assert [status("2001:db8::1"), status("2001:db8::2")] == [200, 429]


def test_a_caller_over_its_rate_is_429_and_another_is_answered(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    keys = f"{KEY},{SECOND_KEY}"
    client = start_service(api_keys=keys, rate_limit_per_s=0.001, rate_limit_burst=2)
    image = {"content-type": "image/png"}
    codes = [
        client.post(
            "/predict", content=coloured("red"), headers={**image, **bearer(KEY)}
        ).status_code
        for _ in range(3)
    ]
    assert codes == [200, 200, 429]
    other = client.post(
        "/predict", content=coloured("red"), headers={**image, **bearer(SECOND_KEY)}
    )
    assert other.status_code == 200
