"""Images that come again, with GRAFT_ANSWER_CACHE_MB: found by each, and never an old answer."""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from service.repository.registry import ModelRegistry
from tests.builders import coloured, make_package
from tests.conftest import ClientFactory

ADMIN = {"authorization": "Bearer admin-key-123"}
RED, GREEN, BLUE = map(coloured, ("red", "green", "blue"))
# Sees red where there is blue.
SWAPPED = np.eye(3, dtype=np.float32)[::-1] * 10


@pytest.fixture
def client(models_dir: Path, start_service: ClientFactory) -> TestClient:
    make_package(models_dir)
    made = start_service(answer_cache_mb=1, admin_keys="admin-key-123", poll_interval_s=3600)
    made.headers.update(ADMIN)
    return made


def ask(
    client: TestClient, *images: bytes, url: str = "/predict", **params: Any
) -> tuple[list[str], str]:
    """Return the labels and how the answers were found."""
    files = [("files", (f"{i}.png", image)) for i, image in enumerate(images)]
    answer = client.post(url, files=files, params=params)
    assert answer.status_code == 200, answer.text
    assert ("age" in answer.headers) == (answer.headers["cache-status"] != "graft; fwd=miss")
    entries = answer.json()["predictions"]
    assert [entry["filename"] for entry in entries] == [f"{i}.png" for i in range(len(images))]
    return [entry["label"] for entry in entries], answer.headers["cache-status"]


def lookups(client: TestClient) -> dict[str, int]:
    found = {}
    for line in client.get("/metrics").text.splitlines():
        if line.startswith("graft_answer_cache_images_total{"):
            name, count = line.removeprefix('graft_answer_cache_images_total{lookup="').split('"} ')
            found[name] = int(float(count))
    return found


def test_each_image_of_a_request_is_looked_for_by_itself(client: TestClient) -> None:
    assert ask(client, RED) == (["red"], "graft; fwd=miss")
    assert ask(client, RED) == (["red"], "graft; hit")
    assert ask(client, BLUE, RED) == (["blue", "red"], "graft; fwd=partial")
    assert ask(client, RED, BLUE, RED) == (["red", "blue", "red"], "graft; hit")
    assert ask(client, GREEN, GREEN) == (["green", "green"], "graft; fwd=miss")
    assert lookups(client) == {"miss": 3, "hit": 5, "collapsed": 1}


def test_the_answer_is_the_same_but_for_its_headers(client: TestClient) -> None:
    params: dict[str, Any] = {"embedding": "true", "activation_map": "true", "top_k": 2}
    first, again = (client.post("/predict", content=RED, params=params) for _ in range(2))
    assert "age" in again.headers
    assert again.content == first.content
    assert client.post("/predict", content=RED).headers["cache-status"] == "graft; fwd=miss"


def test_a_bad_image_is_refused_each_time_and_fails_no_neighbour(client: TestClient) -> None:
    for _ in range(2):
        assert client.post("/predict", content=b"\xff\xd8\xff nothing").status_code in (415, 422)
    answer = client.post("/predict", files=[("files", RED), ("files", RED[:50])]).json()
    assert [sorted(entry)[-1] for entry in answer["predictions"]] == ["top", "problem"]


def test_other_bytes_under_the_same_number_are_never_answered_with_the_old(
    client: TestClient, models_dir: Path
) -> None:
    assert ask(client, RED) == (["red"], "graft; fwd=miss")
    shutil.rmtree(models_dir / "colours" / "1")
    assert client.post("/models/refresh").status_code == 200
    assert make_package(models_dir, weight=SWAPPED).name == "1"
    assert client.post("/models/refresh").status_code == 200
    assert ask(client, RED) == (["blue"], "graft; fwd=miss")


def test_each_version_that_shares_the_traffic_has_its_own_answers(
    client: TestClient, models_dir: Path
) -> None:
    make_package(models_dir, weight=SWAPPED)
    client.post("/models/refresh")
    body = {"weights": {"1": 1, "2": 1}, "shadow": None}
    assert client.put("/models/colours/traffic", json=body).status_code == 200
    for request_id in map(str, range(12)):
        answer = client.post("/predict", content=RED, headers={"x-request-id": request_id}).json()
        expected = {1: "red", 2: "blue"}[answer["model"]["version"]]
        assert answer["predictions"][0]["label"] == expected
    assert lookups(client) == {"miss": 2, "hit": 10}


def test_an_answer_that_was_kept_is_compared_with_the_shadow_and_collected_as_any(
    models_dir: Path, start_service: ClientFactory, tmp_path: Path
) -> None:
    for weight in (None, SWAPPED):
        make_package(models_dir, weight=weight)
    client = start_service(
        answer_cache_mb=1, admin_keys="admin-key-123", keep="sample:1", keep_dir=tmp_path / "kept"
    )
    client.headers.update(ADMIN)
    client.put("/models/colours/aliases/stable", json={"version": 1})
    assert client.put("/models/colours/traffic", json={"shadow": "2"}).status_code == 200
    for count in (1, 2):
        assert ask(client, RED)[0] == ["red"]
        wait_for(client, "graft_shadow_images_total", 'agreement="disagree"', count)
        wait_for(client, "graft_kept_images_total", 'kept"}', count)
    assert lookups(client) == {"miss": 1, "hit": 1}


def wait_for(client: TestClient, metric: str, label: str, count: int) -> None:
    ends = time.monotonic() + 20
    while sum_of(client.get("/metrics").text, metric, label) < count:
        assert time.monotonic() < ends, client.get("/metrics").text


def sum_of(text: str, metric: str, label: str) -> float:
    lines = [line for line in text.splitlines() if line.startswith(metric) and label in line]
    return sum(float(line.split()[-1]) for line in lines)


def test_a_version_that_is_unloaded_leaves_nothing_behind(client: TestClient) -> None:
    ask(client, RED)
    assert "graft_answer_cache_answers 1.0" in client.get("/metrics").text
    client.post("/models/colours/versions/1/unload")
    assert client.portal is not None
    registry: ModelRegistry = client.app.state.context.registry  # type: ignore[attr-defined]
    client.portal.call(registry.given_up)
    assert "graft_answer_cache_answers 0.0" in client.get("/metrics").text
    assert "graft_answer_cache_bytes 0.0" in client.get("/metrics").text


def test_without_the_setting_no_answer_speaks_of_it(shared_client: TestClient) -> None:
    for _ in range(2):
        answer = shared_client.post("/predict", content=RED)
        assert not {"age", "cache-status"} & set(answer.headers)
