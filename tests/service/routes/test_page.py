"""The page: one file, a policy that lets run only what is in it, and no way in for labels."""

import base64
import hashlib
import re

import pytest
from fastapi.testclient import TestClient

from service.page import build_page
from service.page.api_reference import build_reference


def part(tag: str) -> str:
    match = re.search(rf"<{tag}>(.*)</{tag}>", build_page().html, re.DOTALL)
    assert match is not None
    return match[1]


def test_the_page_is_served_with_its_policy(client: TestClient) -> None:
    response = client.get("/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_the_policy_allows_exactly_the_pages_own_script_and_style() -> None:
    policy = build_page().headers["Content-Security-Policy"]
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(part(tag).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_page_asks_no_other_host() -> None:
    assert not re.search(r"(src|href|url|fetch)\W{1,3}(https?:)?//", build_page().html)


def test_the_page_lets_a_phones_photos_be_chosen() -> None:
    (accepted,) = re.findall(r'accept="([^"]*)"', build_page().html)
    assert {"image/*", ".heic", ".heif", ".avif"} <= {*accepted.split(",")}


def test_the_script_never_sets_html() -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval", part("script")
    )


def test_the_reference_lists_every_call(client: TestClient) -> None:
    html = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert f"</b> {path}<" in html


def test_the_reference_runs_no_script_and_asks_no_other_host(client: TestClient) -> None:
    response = client.get("/docs")
    policy = response.headers["content-security-policy"]
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "<script" not in response.text
    assert not re.search(r"(src|href|url)\W{1,3}(https?:)?//", response.text)


def test_the_reference_escapes_what_it_is_told() -> None:
    evil = "<img src=x onerror=alert(1)>"
    operation = {"summary": evil, "responses": {"200": {"description": evil}}, "tags": [evil]}
    document = {
        "info": {"title": evil, "version": evil, "description": evil},
        "paths": {f"/{evil}": {"get": operation}},
    }
    assert "<img" not in build_reference(document).html


@pytest.mark.parametrize("url", ["/", "/docs", "/models", "/no/where", "/health/live"])
def test_every_answer_has_headers_that_keep_browsers_in_bounds(
    client: TestClient, url: str
) -> None:
    headers = client.get(url).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers
