"""What /models tells, and the admin calls that change it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.builders import LABELS, coloured, make_package
from tests.conftest import ClientFactory, serving
from tests.service.registries import damage_model

ADMIN = {"authorization": "Bearer admin-key-123"}


@pytest.fixture
def admin(models_dir: Path, start_service: ClientFactory) -> TestClient:
    """A service with versions 1 and 2 of "colours", and an admin who is logged in."""
    make_package(models_dir)
    make_package(models_dir)
    client = start_service(admin_keys="admin-key-123", poll_interval_s=3600)
    client.headers.update(ADMIN)
    return client


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """What `admin` is, one for all tests that change nothing."""
    models_dir = tmp_path_factory.mktemp("models")
    make_package(models_dir)
    make_package(models_dir)
    with serving(models_dir, admin_keys="admin-key-123", poll_interval_s=3600) as client:
        client.headers.update(ADMIN)
        yield client


def test_models_are_listed_with_their_states(unchanged: TestClient) -> None:
    (model,) = unchanged.get("/models").json()["models"]
    assert (model["name"], model["serving"], model["problem"]) == ("colours", 2, None)
    assert model["labels"] == list(LABELS)
    newest, older = model["versions"]
    assert (older["version"], older["state"], older["loaded"]) == (1, "available", [])
    assert (newest["version"], newest["state"]) == (2, "ready")
    (variant,) = newest["loaded"]
    assert (variant["precision"], variant["provider"]) == ("fp32", "cpu")
    assert min(variant[key] for key in ("intra_op_threads", "max_running", "max_batch")) >= 1
    assert variant["images_per_s"] > 0
    assert variant["measured_with"] == {
        "batch": variant["max_batch"],
        "batches_at_once": variant["max_running"] - variant["decode_in_batch"],
        "intra_op_threads": variant["intra_op_threads"],
    }


def test_an_empty_repository_lists_nothing(start_service: ClientFactory) -> None:
    assert start_service().get("/models").json() == {"models": [], "problem": None}


def test_a_failed_version_shows_its_reason(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir, after=damage_model)
    (model,) = start_service().get("/models").json()["models"]
    assert model["serving"] is None
    assert model["versions"][0]["state"] == "failed"
    assert "model.onnx has sha256" in model["problem"]


def test_an_incomplete_version_shows_what_is_missing(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    make_package(models_dir, after=lambda folder: (folder / "model.onnx").unlink())
    client = start_service()
    (model,) = client.get("/models").json()["models"]
    assert (model["serving"], model["problem"]) == (
        1,
        "version 2 is incomplete: model.onnx is not there yet",
    )
    newest = model["versions"][0]
    assert (newest["state"], newest["problem"]) == ("incomplete", "model.onnx is not there yet")
    assert client.get("/models/colours/versions/latest").json()["version"] == 1
    asked = client.post("/models/colours/versions/2/predict", content=coloured("red"))
    assert (asked.status_code, asked.headers["retry-after"]) == (503, "2")


def test_a_version_shows_what_it_was_made_of(unchanged: TestClient) -> None:
    version = unchanged.get("/models/colours/versions/2").json()
    assert version["metrics"]["val"]["accuracy"] == 1.0
    assert version["input_hw"] == [16, 16]
    assert version["backbone"]["licence"] == "MIT"
    assert version["precisions"] == ["fp32"]


@pytest.mark.parametrize("version", ["latest", "2"])
def test_a_version_is_found_by_alias_and_number(unchanged: TestClient, version: str) -> None:
    assert unchanged.get(f"/models/colours/versions/{version}").json()["version"] == 2


@pytest.mark.parametrize(
    "url", ["/models/shapes", "/models/colours/versions/9", "/models/colours/versions/9/report"]
)
def test_what_is_not_there_is_404(unchanged: TestClient, url: str) -> None:
    assert unchanged.get(url).json()["code"] == "model_not_found"


def test_the_report_is_a_page_that_reaches_no_network(unchanged: TestClient) -> None:
    response = unchanged.get("/models/colours/versions/1/report")
    assert "<title>report</title>" in response.text
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert policy.startswith("sandbox")


def report_outside(folder: Path) -> None:
    outside = folder.parents[1] / "secret.html"
    outside.write_text("secret")
    (folder / "report.html").unlink()
    (folder / "report.html").symlink_to(outside)


def test_a_report_that_is_a_link_out_of_its_package_is_404(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir, after=report_outside)
    response = start_service().get("/models/colours/versions/1/report")
    assert (response.status_code, response.json()["code"]) == (404, "no_report")


def test_a_missing_report_is_404(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir, after=lambda folder: (folder / "report.html").unlink())
    response = start_service().get("/models/colours/versions/1/report")
    assert (response.status_code, response.json()["code"]) == (404, "no_report")


def test_refresh_brings_a_new_version_into_service(admin: TestClient, models_dir: Path) -> None:
    make_package(models_dir)
    (model,) = admin.post("/models/refresh").json()["models"]
    assert model["serving"] == 3
    answer = admin.post("/predict", content=coloured("red")).json()
    assert answer["model"]["version"] == 3


def test_an_alias_moves_what_is_served(admin: TestClient, models_dir: Path) -> None:
    response = admin.put("/models/colours/aliases/stable", json={"version": 1})
    assert response.json() == {"name": "colours", "aliases": {"stable": 1}}
    assert admin.post("/predict", content=coloured("red")).json()["model"]["version"] == 1
    assert (models_dir / "colours" / "aliases.json").is_file()


def test_a_removed_alias_gives_way_to_the_latest(admin: TestClient) -> None:
    admin.put("/models/colours/aliases/stable", json={"version": 1})
    response = admin.delete("/models/colours/aliases/stable")
    assert response.json() == {"name": "colours", "aliases": {}}
    assert admin.get("/models/colours").json()["serving"] == 2
    again = admin.delete("/models/colours/aliases/stable")
    assert (again.status_code, again.json()["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("alias", "body", "status"),
    [
        ("stable", b'{"version": 9}', 404),
        ("stable", b'{"version": "1"}', 400),
        ("stable", b'{"version": true}', 400),
        ("stable", b'{"version": 1, "force": true}', 400),
        ("stable", b"", 400),
        ("stable", b" " * 5000, 413),
        ("latest", b'{"version": 1}', 422),
        ("7", b'{"version": 1}', 422),
        ("..%2f..%2fetc", b'{"version": 1}', 404),
        ("a%20b", b'{"version": 1}', 422),
    ],
)
def test_an_alias_that_cannot_be_set_is_refused(
    unchanged: TestClient, alias: str, body: bytes, status: int
) -> None:
    response = unchanged.put(f"/models/colours/aliases/{alias}", content=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("aliases/stable", '{"version": 3}'),
        ("traffic", '{"weights": {"stable": 90, "candidate": 10}}'),
    ],
)
def test_an_empty_body_is_told_which_json_is_wanted(
    unchanged: TestClient, path: str, form: str
) -> None:
    detail = unchanged.put(f"/models/colours/{path}").json()["detail"]
    assert detail == f"the body is empty; send JSON such as {form} (curl -X PUT -d '{form}')"


def test_a_version_is_unloaded_and_loaded_again(admin: TestClient) -> None:
    unloaded = admin.post("/models/colours/versions/2/unload").json()
    assert (unloaded["state"], unloaded["loaded"]) == ("unloaded", [])
    refused = admin.post("/predict", content=coloured("red"))
    assert (refused.status_code, refused.json()["code"]) == (503, "model_not_ready")
    assert admin.post("/models/colours/versions/2/load").json()["state"] == "ready"
    assert admin.post("/predict", content=coloured("red")).status_code == 200


def test_a_version_that_cannot_be_loaded_says_why(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    make_package(models_dir, after=damage_model)
    client = start_service(admin_keys="admin-key-123")
    response = client.post("/models/colours/versions/2/load", headers=ADMIN)
    assert response.status_code == 503
    assert "model.onnx has sha256" in response.json()["detail"]
