"""A phone on the local network: in with the key alone, to one model alone, for a while."""

from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from studio.phone.phone_listener import PhoneListener
from studio.projects.project import Project
from tests.builders import make_package
from tests.studio.browser import browser_page, no_violations
from tests.studio.projects import calling, looked_at

API = "/api/models/photos/phone"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = looked_at(tmp_path)
    make_package(project.models_dir, name="photos")
    return project


@pytest.fixture
def client(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    monkeypatch.setattr("studio.phone.phone_listener.local_address", lambda: "127.0.0.1")
    with calling(project, tmp_path / "cache") as client:
        yield client
        client.delete(API)


def address(client: TestClient) -> tuple[str, str]:
    """Return the address of an opened door, and the one without the key."""
    url = client.post(API).json()["url"]
    return url, url.partition("/?")[0]


def green(project: Project) -> bytes:
    return (project.data / "green" / "image3.png").read_bytes()


def test_nothing_listens_until_the_person_allows_it(client: TestClient) -> None:
    assert client.get(API).json() == {"open": False}
    state = client.post(API).json()
    assert state["qr"].startswith("data:image/svg+xml")
    assert 0 < state["left_s"] <= 1800
    assert client.get(API).json()["url"] == state["url"]
    assert client.get("/api/models/another/phone").json() == {"open": False}


def test_the_key_opens_the_page_and_the_answers_and_nothing_else(
    project: Project, client: TestClient
) -> None:
    url, base = address(client)
    with httpx.Client() as phone:
        assert phone.get(f"{base}/").status_code == 401
        assert phone.post(f"{base}/api/answers", content=green(project)).status_code == 403
        assert phone.get(url).status_code == 200
        own = {"origin": base}
        answer = phone.post(f"{base}/api/answers", content=green(project), headers=own)
        assert answer.json()["label"] == "green"
        assert phone.post(f"{base}/api/answers", content=b"no", headers=own).status_code == 422
        for path in ("/api/projects", "/main.js", "/api/models/photos", "/views/train.js"):
            assert phone.get(f"{base}{path}").status_code == 404


def test_strangers_origins_and_hosts_are_refused(project: Project, client: TestClient) -> None:
    url, base = address(client)
    with httpx.Client() as phone:
        phone.get(url)
        strange = {"origin": "http://evil.example"}
        refused = phone.post(f"{base}/api/answers", content=green(project), headers=strange)
        assert refused.status_code == 403
        assert phone.get(base, headers={"host": "evil.example"}).status_code == 421


def wait_until_closed(url: str) -> None:
    with pytest.raises(httpx.TransportError):
        ask_for_ever(url)


def ask_for_ever(url: str) -> None:
    with httpx.Client(timeout=20) as phone:
        while phone.get(url).status_code in (200, 401):
            pass


def test_a_closed_door_lets_nobody_in(client: TestClient) -> None:
    first, _ = address(client)
    second, _ = address(client)
    assert first != second
    wait_until_closed(first)
    client.delete(API)
    wait_until_closed(second)


def test_a_door_closes_by_itself(client: TestClient) -> None:
    listener = PhoneListener()
    wait_until_closed(listener.open("photos", lambda _: {}, seconds=0.05).url)
    assert listener.door is None


@pytest.mark.chromium
def test_a_phone_takes_photos_and_sees_the_answers(project: Project, client: TestClient) -> None:
    url, _ = address(client)
    with browser_page(width=390, height=800, locale="ko-KR") as page:
        page.goto(url)
        page.get_by_role("heading", name="모델 테스트").wait_for()
        first = page.locator("input[type=file]").first
        assert first.get_attribute("capture") == "environment"
        first.set_input_files(project.data / "green" / "image3.png")
        page.locator(".best bdi", has_text="green").wait_for()
        no_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
