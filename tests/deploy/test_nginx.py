"""Behind Debian's nginx, with the configuration that is shipped: a real proxy, a real service."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from scripts.nginx import nginx_before
from tests.builders import coloured, make_package
from tests.service.service_process import Process, running

pytestmark = pytest.mark.nginx


@pytest.fixture
def service(models_dir: Path) -> Iterator[Process]:
    make_package(models_dir)
    settings = {"GRAFT_ROOT_PATH": "/graft", "GRAFT_TRUSTED_PROXIES": "127.0.0.1"}
    with running(models_dir, **settings) as process:
        yield process


@pytest.fixture(params=[False, True], ids=["prefix left on", "prefix taken off"])
def proxy(request: pytest.FixtureRequest, service: Process) -> Iterator[str]:
    port = urlsplit(service.url).port
    assert port is not None
    with nginx_before(port, takes_prefix_off=request.param) as address:
        yield address


def test_the_page_its_links_and_every_call_are_right_below_the_path(
    proxy: str, service: Process
) -> None:
    with httpx2.Client(base_url=proxy) as client:
        page = client.get("/graft/", follow_redirects=True)
        base = re.search('<base href="([^"]+)">', page.text)
        assert base is not None
        links = re.findall(r'<a href="([^"#]+)"', page.text)
        assert links
        for link in links:
            assert client.get(base[1] + link).status_code == 200
        document = client.get("/graft/openapi.json").json()
        (server,) = document["servers"]
        answer = client.post(
            f"{server['url']}/predict/?top_k=1",
            content=coloured("red"),
            headers={"X-Forwarded-For": "192.0.2.9", "Forwarded": "for=198.51.100.1"},
        )
        assert answer.json()["predictions"][0]["label"] == "red"
        moved = client.get("/graft/docs/", follow_redirects=True)
        assert urlsplit(str(moved.url)).path == "/graft/docs"
        assert moved.status_code == 200
    service.stop()
    assert re.search(r"client=192\.0\.2\.9 method=POST path=/(graft/)?predict/ ", service.log)
    assert "198.51.100.1" not in service.log
