"""What answers GET answers HEAD alike, without the body."""

from pathlib import Path

import httpx2
from fastapi.testclient import TestClient

from tests.builders import make_package
from tests.service.service_process import running

VALUES = {"name": "colours", "version": "1"}


def test_every_address_that_takes_get_takes_head(shared_client: TestClient) -> None:
    paths = shared_client.get("/openapi.json").json()["paths"]
    asked = [path.format(**VALUES) for path, item in paths.items() if "get" in item]
    assert len(asked) > 10
    for path in [*asked, "/", "/docs", "/openapi.json", "/models/nobody"]:
        get, head = shared_client.get(path), shared_client.head(path)
        assert head.status_code == get.status_code, path
        assert head.headers["content-type"] == get.headers["content-type"], path


def test_an_address_that_takes_post_alone_takes_no_head(shared_client: TestClient) -> None:
    assert shared_client.head("/predict").status_code == 405


def test_the_body_is_left_out_on_the_wire(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir) as service, httpx2.Client(base_url=service.url) as client:
        for path in ("/docs", "/models", "/"):
            length = len(client.get(path).content)
            response = client.head(path)
            assert (response.status_code, response.content) == (200, b"")
            assert int(response.headers["content-length"]) == length
            assert client.get("/health/live").status_code == 200  # on the same connection
