"""What comes before the models folder has been read waits for it; readiness does not pretend."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from inference import Repository
from service.app import create_app
from service.repository.catalog import EMPTY_CATALOG, Catalog
from service.repository.registry import ModelRegistry
from service.repository.snapshot import read_catalog
from service.settings import Settings
from tests.builders import coloured, make_package


@pytest.fixture
def may_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Hold the first look at the models folder until this is set."""
    event = threading.Event()

    def held(repository: Repository, previous: Catalog = EMPTY_CATALOG) -> Catalog:
        event.wait(60)
        return read_catalog(repository, previous)

    monkeypatch.setattr("service.repository.registry.read_catalog", held)
    yield event
    event.set()


def starting(models_dir: Path, **settings: object) -> TestClient:
    values = {"models_dir": models_dir, "provider": "cpu", "trial_cpu_s": 0, "tune_s": 0}
    return TestClient(create_app(Settings.model_validate(values | settings)))


@pytest.mark.parametrize("address", ["/predict", "/models/colours/predict"])
def test_a_request_waits_for_the_first_look(
    models_dir: Path,
    may_read: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    make_package(models_dir)
    waits = ModelRegistry.first_look

    async def first_look(self: ModelRegistry, *, timeout_s: float) -> None:
        may_read.set()  # only now: the request has come before
        await waits(self, timeout_s=timeout_s)

    with starting(models_dir, request_timeout_s=60) as client:
        ready = client.get("/health/ready")
        assert (ready.status_code, "being read" in ready.json()["detail"]) == (503, True)
        monkeypatch.setattr(ModelRegistry, "first_look", first_look)
        answer = client.post(address, content=coloured("red"))
        assert answer.json()["predictions"][0]["label"] == "red"


def test_models_are_listed_only_when_they_are_known(
    models_dir: Path, may_read: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_package(models_dir)
    waits = ModelRegistry.first_look

    async def first_look(self: ModelRegistry, *, timeout_s: float) -> None:
        may_read.set()
        await waits(self, timeout_s=timeout_s)

    monkeypatch.setattr(ModelRegistry, "first_look", first_look)
    with starting(models_dir, request_timeout_s=60) as client:
        assert [model["name"] for model in client.get("/models").json()["models"]] == ["colours"]


def test_a_look_that_takes_too_long_is_503(models_dir: Path, may_read: threading.Event) -> None:
    make_package(models_dir)
    with starting(models_dir, request_timeout_s=0.05) as client:
        answer = client.post("/predict", content=coloured("red"))
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        may_read.set()
