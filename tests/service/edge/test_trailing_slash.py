"""A slash too many changes nothing, and no answer leads where a Host header says."""

import pytest
from fastapi.testclient import TestClient

from tests.builders import coloured
from tests.conftest import ClientFactory


def test_every_address_answers_with_a_slash_at_its_end(client: TestClient) -> None:
    assert client.get("/models/").json() == client.get("/models").json()
    assert client.get("/models/colours//").json() == client.get("/models/colours").json()
    answer = client.post("/predict/?top_k=1", content=coloured("red"))
    assert answer.json()["predictions"][0]["label"] == "red"
    assert client.get("/health/ready/").status_code == 200


def test_it_counts_for_the_route_that_answered(client: TestClient) -> None:
    client.get("/models/")
    assert 'graft_requests_total{method="GET",route="/models",status="200"} 1.0' in (
        client.get("/metrics").text
    )


@pytest.mark.parametrize("path", ["/none/", "/models/none/", "/predict/"])
def test_what_is_not_there_is_not_there_with_a_slash_either(client: TestClient, path: str) -> None:
    status = client.get(path, follow_redirects=False).status_code
    assert status == (405 if path == "/predict/" else 404)


@pytest.mark.parametrize("root_path", ["", "/graft"])
def test_no_redirect_follows_the_host_header(start_service: ClientFactory, root_path: str) -> None:
    client = start_service(root_path=root_path)
    for path in ("/docs/", "/models/", "/", "/predict/"):
        answer = client.get(path, headers={"Host": "evil.example"}, follow_redirects=False)
        assert "evil" not in answer.headers.get("location", "")
    assert client.get("/docs/", follow_redirects=False).headers["location"] == "../docs"
    assert client.get("/docs/").status_code == 200
