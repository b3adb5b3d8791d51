"""The page: one file, a policy that lets run only what is in it, and no way in for labels."""

import base64
import hashlib
import re

from fastapi.testclient import TestClient

from service.page import build_page


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


def test_the_script_never_sets_html() -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval", part("script")
    )
