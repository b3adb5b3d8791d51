"""A shadow is asked when there is capacity to spare, is compared, and harms nobody."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.builders import coloured, make_package
from tests.conftest import ClientFactory, serving
from tests.service.registries import damage_model

ADMIN = {"authorization": "Bearer admin-key-123"}
# Sees red where there is red, and green where there is blue.
HALF_RIGHT = np.eye(3, dtype=np.float32)[[0, 2, 1]] * 10


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Version 1 and version 2, which confuses green and blue."""
    models_dir = tmp_path_factory.mktemp("models")
    make_package(models_dir)
    make_package(models_dir, weight=HALF_RIGHT)
    with serving(models_dir, admin_keys="admin-key-123", poll_interval_s=3600) as client:
        client.headers.update(ADMIN)
        client.put("/models/colours/aliases/stable", json={"version": 1})
        yield client


@pytest.fixture
def two_versions(service: TestClient) -> TestClient:
    """Version 1 answers, and version 2 is its shadow."""
    assert service.put("/models/colours/traffic", json={"shadow": "2"}).status_code == 200
    return service


def compared(client: TestClient, agreement: str) -> int:
    name = f'graft_shadow_images_total{{agreement="{agreement}",model="colours",shadow="2",version="1"}}'
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(name):
            return int(float(line.split()[-1]))
    return 0


def wait_for(client: TestClient, agreement: str, count: int) -> None:
    ends = time.monotonic() + 20
    while compared(client, agreement) < count:
        assert time.monotonic() < ends, client.get("/metrics").text


def test_labels_are_compared_and_the_answer_is_the_first_version_s(
    two_versions: TestClient,
) -> None:
    for label, agreement in (("red", "agree"), ("blue", "disagree"), ("green", "disagree")):
        before = compared(two_versions, agreement)
        answer = two_versions.post("/predict", content=coloured(label)).json()
        assert answer["model"]["version"] == 1
        assert answer["predictions"][0]["label"] == label
        wait_for(two_versions, agreement, before + 1)


def test_encoded_images_of_the_protocol_are_compared_too(two_versions: TestClient) -> None:
    before = compared(two_versions, "disagree")
    sent = base64.b64encode(coloured("blue")).decode()
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [sent]}
    answered = two_versions.post("/v2/models/colours/infer", json={"inputs": [tensor]})
    assert answered.json()["model_version"] == "1"
    wait_for(two_versions, "disagree", before + 1)


def test_a_shadow_that_fails_harms_nobody(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir)
    make_package(models_dir, after=damage_model)
    client = start_service(admin_keys="admin-key-123", poll_interval_s=3600)
    client.headers.update(ADMIN)
    assert client.put("/models/colours/traffic", json={"shadow": "2"}).status_code == 200
    answer = client.post("/predict", content=coloured("red"))
    assert answer.json()["predictions"][0]["label"] == "red"


def test_an_image_that_cannot_be_answered_is_not_compared(two_versions: TestClient) -> None:
    files = [("a", ("a.png", coloured("red"))), ("b", ("b.png", coloured("red")[:-30]))]
    before = compared(two_versions, "agree")
    assert two_versions.post("/predict", files=files).status_code == 200
    wait_for(two_versions, "agree", before + 1)
    assert compared(two_versions, "failed") == 0


def test_the_traffic_is_shown_and_ended(two_versions: TestClient) -> None:
    traffic = two_versions.get("/models/colours").json()["traffic"]
    assert traffic == {"weights": {}, "shadow": "2"}
    assert two_versions.delete("/models/colours/traffic").json()["traffic"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"weights": {"stable": 0}}, 400),
        ({"weights": {"stable": "1"}}, 400),
        ({"weights": {"../x": 1}}, 400),
        ({"wheights": {"stable": 1}}, 400),
        ({"weights": {"candidate": 1}}, 404),
    ],
)
def test_traffic_that_makes_no_sense_is_refused_and_changes_nothing(
    two_versions: TestClient, body: dict[str, object], status: int
) -> None:
    response = two_versions.put("/models/colours/traffic", json=body)
    assert response.status_code == status, response.text
    assert two_versions.get("/models/colours").json()["traffic"]["shadow"] == "2"


def test_requests_are_shared_by_their_ids(two_versions: TestClient) -> None:
    shares = {"weights": {"1": 1, "2": 1}}
    assert two_versions.put("/models/colours/traffic", json=shares).status_code == 200
    body = coloured("red")
    answered: dict[int, set[str]] = {1: set(), 2: set()}
    for number in range(24):
        response = two_versions.post(
            "/predict", content=body, headers={"x-request-id": f"request-{number % 12}"}
        )
        answered[response.json()["model"]["version"]].add(f"request-{number % 12}")
    assert answered[1]
    assert answered[2]
    assert not answered[1] & answered[2]
