"""The service below a path, behind proxies that take it off and proxies that leave it on."""

import re

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from service.app import create_app
from service.settings import OWN_ADDRESSES, Settings
from tests.builders import coloured, make_package
from tests.conftest import ClientFactory


@pytest.fixture(params=["", "/graft"], ids=["taken off", "left on"])
def prefix(request: pytest.FixtureRequest) -> str:
    """What of the path reaches the service."""
    return str(request.param)


@pytest.fixture
def client(models_dir: object, start_service: ClientFactory) -> TestClient:
    make_package(models_dir)  # type: ignore[arg-type]
    return start_service(root_path="graft/")


def test_every_call_answers(client: TestClient, prefix: str) -> None:
    answer = client.post(f"{prefix}/predict", content=coloured("red"))
    assert answer.json()["predictions"][0]["label"] == "red"
    for path in ("/", "/docs", "/models", "/models/colours/", "/health/ready", "/v2", "/metrics"):
        assert client.get(f"{prefix}{path}").status_code == 200


def test_the_page_asks_below_the_path_whatever_its_address_ends_on(client: TestClient) -> None:
    for address in ("/graft", "/graft/", "/"):
        answer = client.get(address, follow_redirects=False)
        assert '<base href="/graft/">' in answer.text
        assert "base-uri 'self'" in answer.headers["content-security-policy"]


def test_the_document_and_its_page_name_the_path(client: TestClient, prefix: str) -> None:
    document = client.get(f"{prefix}/openapi.json").json()
    assert document["servers"] == [{"url": "/graft"}]
    assert "</b> /graft/predict<" in client.get(f"{prefix}/docs").text


def test_metrics_are_counted_by_route_and_not_by_where_it_lies(
    client: TestClient, prefix: str
) -> None:
    client.get(f"{prefix}/models")
    routes = set(re.findall(r'route="([^"]*)"', client.get("/metrics").text))
    assert routes == {"/models"}


def test_a_neighbour_of_the_path_is_not_below_it(client: TestClient) -> None:
    answer = client.get("/grafting/models")
    assert answer.status_code == 404
    assert "/graft/docs lists" in answer.json()["detail"]


def test_a_path_of_our_own_is_refused() -> None:
    app = create_app(Settings(provider="cpu"))
    first = {path.split("/")[1] for path in app.openapi()["paths"]} | {"docs", "openapi.json"}
    assert first - {"ping", "invocations"} == OWN_ADDRESSES
    for name in OWN_ADDRESSES:
        with pytest.raises(ValidationError, match="address of the service itself"):
            Settings(root_path=f"/{name}/x")


@pytest.mark.parametrize(
    "path", ["/a b", "https://example.org/graft", "/a//b", '/"x', "/a?b", "/ä"]
)
def test_what_is_no_plain_path_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="plain segments"):
        Settings(root_path=path)


@pytest.mark.parametrize(("given", "kept"), [("/", ""), ("graft/", "/graft"), ("/a/b", "/a/b")])
def test_slashes_around_it_do_not_matter(given: str, kept: str) -> None:
    assert Settings(root_path=given).root_path == kept
