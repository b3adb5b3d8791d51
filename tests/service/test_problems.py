"""Every error has one shape, and none tells what is not the caller's business."""

import json
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from inference import errors as inference_errors
from service import errors
from service.problems import kind_of, plain_response
from tests.builders import make_package
from tests.conftest import ClientFactory

# Wrong command lines and files that cannot be written by one, which no request is.
OF_COMMANDS = {inference_errors.UsageError, inference_errors.OutputError}
MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "error"}


def subclasses(base: type[Exception]) -> list[type[Exception]]:
    below = [cls for direct in base.__subclasses__() for cls in subclasses(direct)]
    return below or [base]


@pytest.mark.parametrize("error", [errors.ModelNotReady, inference_errors.PackageError])
def test_what_may_be_tried_again_says_when(error: type[Exception]) -> None:
    assert b"\r\nRetry-After: 5\r\n" in plain_response(error("failed"), headers={})


@pytest.mark.parametrize(
    ("method", "url", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/models/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("DELETE", "/models", 405, "method_not_allowed"),
        ("POST", "/predict?top_k=x", 422, "invalid_parameter"),
        ("POST", "/predict", 400, "no_images"),
        ("GET", "/models/none", 404, "model_not_found"),
    ],
)
def test_every_refusal_is_a_problem_document(
    client: TestClient, method: str, url: str, status: int, code: str
) -> None:
    response = client.request(method, url)
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert set(problem) >= MEMBERS
    assert problem["error"] == problem["detail"]
    assert problem["request_id"] == response.headers["x-request-id"]


def test_a_wrong_method_names_the_right_one(client: TestClient) -> None:
    refused = client.get("/predict")
    assert refused.headers["allow"] == "POST"
    assert "use POST" in refused.json()["detail"]


def test_a_validation_problem_lists_its_parts_without_the_input(client: TestClient) -> None:
    response = client.post("/predict?top_k=secret&precision=secret")
    assert {tuple(error["loc"]) for error in response.json()["errors"]} == {
        ("query", "top_k"),
        ("query", "precision"),
    }
    assert "secret" not in response.text


def test_a_mistake_of_ours_is_500_without_a_word_about_it(
    models_dir: Path, start_service: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    make_package(models_dir)
    client = start_service()
    router = APIRouter()

    @router.get("/broken")
    async def broken() -> None:
        raise LookupError("secret of /etc/passwd")

    client.app.include_router(router)  # type: ignore[attr-defined]
    response = client.get("/broken", headers={"x-request-id": "abc-1"})
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert response.json()["request_id"] == response.headers["x-request-id"] == "abc-1"
    assert "secret" not in response.text
    assert "secret of /etc/passwd" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        cls
        for tree in (errors.ServiceError, inference_errors.InferenceError)
        for cls in subclasses(tree)
        if cls not in OF_COMMANDS
    ],
    ids=lambda cls: cls.__name__,
)
def test_every_error_on_purpose_has_a_status(error: type[Exception]) -> None:
    assert kind_of(error.__new__(error)).code != "internal_error"


def test_no_problem_tells_a_path(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir, after=lambda folder: (folder / "model.onnx").unlink())
    client = start_service()
    answers = [client.get("/models"), client.get("/health/ready"), client.post("/predict")]
    assert str(models_dir.parent) not in json.dumps([answer.text for answer in answers])
