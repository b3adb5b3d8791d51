"""The application as a whole."""

import tomllib
from pathlib import Path

from fastapi.testclient import TestClient

import service
from service.settings import Settings
from tests.conftest import ClientFactory


def test_the_version_is_that_of_the_project(client: TestClient) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == service.__version__
    assert client.get("/v2").json()["version"] == service.__version__


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_two_services_in_one_process_do_not_meet(
    models_dir: Path, start_service: ClientFactory
) -> None:
    first, second = start_service(), start_service()
    first.get("/health/live")
    assert 'route="/health/live"' in first.get("/metrics").text
    assert 'route="/health/live"' not in second.get("/metrics").text
