"""Managed platforms: each container contract, called as the platform calls it, on a real process."""

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.contracts import CONTRACTS
from tests.builders import coloured, make_package
from tests.ports import free_port
from tests.service.service_process import Process, running

RED = coloured("red", image_format="JPEG")
TEXT = base64.b64encode(RED).decode()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("models")
    make_package(folder)
    return folder


@contextmanager
def platform(contract: str, models_dir: Path, **variables: str) -> Iterator[tuple[Process, str]]:
    settings = {"GRAFT_CONTRACT": contract, "GRAFT_ALLOW_ANONYMOUS": "1", **variables}
    with running(models_dir, **settings) as service:
        yield service, service.url.replace("0.0.0.0", "127.0.0.1")


def predictions(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["predictions"]
    return found


def test_sagemaker(published: Path) -> None:
    port = free_port()
    variables = {"SAGEMAKER_BIND_TO_PORT": str(port), "GRAFT_PORT": "1"}
    with platform("sagemaker", published, **variables) as (_, url):
        assert url.endswith(f":{port}")
        with httpx2.Client(base_url=url) as client:
            assert (client.get("/ping").status_code, client.get("/ping").content) == (200, b"")
            for kind, body in (
                ("application/x-image", RED),
                ("application/json", json.dumps({"instances": [{"b64": TEXT}]}).encode()),
            ):
                answer = client.post("/invocations", content=body, headers={"content-type": kind})
                assert predictions(answer)[0]["label"] == "red"
            assert client.post("/invocations", content=b"x").status_code == 415


def test_vertex(published: Path) -> None:
    variables = {
        "AIP_HTTP_PORT": str(free_port()),
        "AIP_HEALTH_ROUTE": "/v1/endpoints/1/deployedModels/2",
        "AIP_PREDICT_ROUTE": "/v1/endpoints/1/deployedModels/2:predict",
        "AIP_STORAGE_URI": "gs://bucket/model",
    }
    with platform("vertex", published, **variables) as (_, url):
        assert url.endswith(":" + variables["AIP_HTTP_PORT"])
        with httpx2.Client(base_url=url) as client:
            assert client.get(variables["AIP_HEALTH_ROUTE"]).status_code == 200
            body = {"instances": [{"b64": TEXT}, {"b64": "!"}], "parameters": {"top_k": 1}}
            answer = client.post(variables["AIP_PREDICT_ROUTE"], json=body)
            red, bad = predictions(answer)
            assert set(answer.json()) == {"predictions"}
            assert (red["label"], len(red["top"])) == ("red", 1)
            assert bad["problem"]["code"] == "invalid_base64"
            assert client.get("/health/live").status_code == 200


def test_azure_machine_learning(published: Path, tmp_path: Path) -> None:
    mounted = tmp_path / "azureml-models"
    shutil.copytree(published, mounted / "models")
    empty = tmp_path / "empty"
    empty.mkdir()
    with platform("azureml", empty, AZUREML_MODEL_DIR=str(mounted)) as (_, url):
        assert httpx2.get(f"{url}/").text == "Healthy"
        body = {"input_data": {"columns": ["image"], "index": [0], "data": [TEXT]}}
        assert predictions(httpx2.post(f"{url}/score", json=body))[0]["label"] == "red"


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_platform_is_told_that_no_model_answers(start_service: Any, name: str) -> None:
    client = start_service(contract=name)
    path = {"sagemaker": "/ping", "vertex": "/health", "azureml": "/"}[name]
    assert client.get(path).status_code == 503


def test_without_a_contract_there_are_no_such_addresses(client: Any) -> None:
    assert client.get("/ping").status_code == 404
    assert client.post("/invocations", content=RED).status_code == 404


def test_keys_guard_a_platforms_address_too(start_service: Any) -> None:
    client = start_service(contract="sagemaker", api_keys=("key-of-the-test",))
    assert client.post("/invocations", content=RED).status_code == 401


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_platforms_addresses_are_documented(start_service: Any, name: str) -> None:
    document = start_service(contract=name).get("/openapi.json").json()
    path = {"sagemaker": "/invocations", "vertex": "/predict", "azureml": "/score"}[name]
    assert "application/json" in document["paths"][path]["post"]["requestBody"]["content"]
