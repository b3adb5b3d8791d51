"""Probes: live as long as the process answers, ready while it wants traffic."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.builders import make_package
from tests.conftest import ClientFactory
from tests.service.registries import damage_model


def test_a_service_with_a_model_is_ready(client: TestClient) -> None:
    assert client.get("/health/ready").json() == {"status": "ready", "models": {"colours": 1}}
    assert client.get("/health/live").json() == {"status": "live"}


def test_an_empty_repository_is_live_but_not_ready(start_service: ClientFactory) -> None:
    client = start_service()
    assert client.get("/health/live").status_code == 200
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert "publish one with" in response.json()["detail"]


def test_a_missing_repository_says_so(models_dir: Path, start_service: ClientFactory) -> None:
    response = start_service(models_dir=models_dir / "none").get("/health/ready")
    assert response.status_code == 503
    assert "does not exist" in response.json()["detail"]


def test_one_bad_model_does_not_take_the_others_out_of_traffic(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    make_package(models_dir, name="broken", after=damage_model)
    assert start_service().get("/health/ready").status_code == 200


def test_a_default_model_that_fails_is_not_ready_and_says_why(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    make_package(models_dir, name="broken", after=damage_model)
    response = start_service(default_model="broken").get("/health/ready")
    assert response.status_code == 503
    assert "model.onnx has sha256" in response.json()["detail"]


def test_a_default_model_that_is_not_published_is_named(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    response = start_service(default_model="shapes").get("/health/ready")
    assert "'shapes' is not published" in response.json()["detail"]


def test_only_failed_models_are_not_ready(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir, after=damage_model)
    response = start_service().get("/health/ready")
    assert response.status_code == 503
    assert "colours" in response.json()["detail"]


def test_a_draining_service_is_not_ready_but_answers(client: TestClient) -> None:
    client.app.state.lifecycle.draining = True  # type: ignore[attr-defined]
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200
    answer = client.get("/models")
    assert answer.status_code == 200
    assert answer.headers["connection"] == "close"  # so that no proxy sends another request down it


@pytest.mark.parametrize("url", ["/health/ready", "/v2/health/ready"])
def test_names_of_models_are_for_those_with_a_key(
    models_dir: Path, start_service: ClientFactory, url: str
) -> None:
    make_package(models_dir)
    make_package(models_dir, name="broken", after=damage_model)
    key = {"X-API-Key": "a-long-key"}
    answers = start_service(api_keys=["a-long-key"])
    fails = start_service(api_keys=["a-long-key"], default_model="broken")
    for client in (answers, fails):
        without, wrong = client.get(url), client.get(url, headers={"X-API-Key": "wrong-key"})
        assert without.status_code == wrong.status_code == client.get(url, headers=key).status_code
        assert not re.search("colours|broken|manifest", without.text + wrong.text)
    assert "manifest says" in fails.get(url, headers=key).json()["detail"]
    assert answers.get("/health/ready", headers=key).json()["models"] == {"colours": 1}
    assert answers.get("/health/ready").json() == {"status": "ready"}


def test_an_empty_repository_says_so_without_a_key(start_service: ClientFactory) -> None:
    response = start_service(api_keys=["a-long-key"]).get("/health/ready")
    assert "publish one with" in response.json()["detail"]


def test_probes_take_head_too(client: TestClient) -> None:
    for url in ("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"):
        response = client.head(url)
        assert (response.status_code, response.content) == (200, b"")


def test_every_failed_version_is_named(models_dir: Path, start_service: ClientFactory) -> None:
    for _ in range(6):
        make_package(models_dir, after=damage_model)
    detail = start_service().get("/health/ready").json()["detail"]
    for number in (6, 5, 4, 3):
        assert f"version {number}: model.onnx" in detail
    assert detail.endswith("and 2 older versions")
