"""The OpenAPI document says what the service does."""

import base64
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.builders import coloured

PREDICT = [
    "/predict",
    "/models/{name}/predict",
    "/models/{name}/versions/{version}/predict",
]


@pytest.fixture
def client(shared_client: TestClient) -> TestClient:
    return shared_client


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        below = [references(value) for value in node.values()]
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*below)
    if isinstance(node, list):
        return set().union(*(references(value) for value in node))
    return set()


@pytest.mark.parametrize("path", PREDICT)
def test_predictions_document_all_body_forms(document: dict[str, Any], path: str) -> None:
    content = document["paths"][path]["post"]["requestBody"]["content"]
    assert {"image/jpeg", "image/png", "multipart/form-data", "application/json"} <= set(content)


@pytest.mark.parametrize("path", PREDICT)
def test_every_documented_form_of_json_is_answered(
    client: TestClient, document: dict[str, Any], path: str
) -> None:
    content = document["paths"][path]["post"]["requestBody"]["content"]
    text = base64.b64encode(coloured("red")).decode()
    forms = content["application/json"]["schema"]["oneOf"]
    for form in forms:
        (name,) = form["required"]
        item: Any = {"b64": text, "filename": "a.png"}
        images = [text, item] if form["properties"][name].get("type") == "array" else item
        options = {
            key: schema["default"] for key, schema in form["properties"].items() if key == "top_k"
        }
        address = path.format(name="colours", version="1")
        answer = client.post(address, json={name: images, **options, "embedding": True})
        assert answer.json()["predictions"][-1]["filename"] == "a.png"
    assert [form["required"][0] for form in forms] == ["images", "image", "instances"]


@pytest.mark.parametrize("path", PREDICT)
@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504])
def test_predictions_document_every_problem(
    document: dict[str, Any], path: str, status: int
) -> None:
    response = document["paths"][path]["post"]["responses"][str(status)]
    assert list(response["content"]) == ["application/problem+json"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) - known == set()


def test_the_frameworks_own_error_shape_is_nowhere(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in str(document)


@pytest.mark.parametrize("path", PREDICT)
def test_the_deadline_header_is_documented_beside_the_query(
    document: dict[str, Any], path: str
) -> None:
    parameters = {p["name"] for p in document["paths"][path]["post"]["parameters"]}
    assert {"X-Request-Timeout-Ms", "top_k"} <= parameters


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/predict", {"model", "version"}),
        (PREDICT[1], {"name", "version"}),
        (PREDICT[2], {"name", "version"}),
    ],
)
def test_the_parameters_of_a_prediction_are_those_that_it_reads(
    document: dict[str, Any], path: str, own: set[str]
) -> None:
    parameters = document["paths"][path]["post"]["parameters"]
    options = {"top_k", "precision", "embedding", "activation_map", "set"}
    assert {p["name"] for p in parameters} - {"X-Request-Timeout-Ms"} == own | options
    assert len(parameters) == len(own | options) + 1
    top_k = next(p for p in parameters if p["name"] == "top_k")
    assert (top_k["in"], top_k["required"]) == ("query", False)
    assert (top_k["schema"]["default"], top_k["schema"]["minimum"]) == (5, 1)


def test_a_prediction_documents_its_answer(document: dict[str, Any]) -> None:
    answer = document["paths"]["/predict"]["post"]["responses"]["200"]["content"]
    assert answer["application/json"]["schema"]["$ref"].endswith("/PredictResponse")


@pytest.mark.parametrize(
    ("path", "method"), [("/predict", "post"), ("/models", "get"), ("/models/refresh", "post")]
)
def test_both_headers_for_a_key_are_documented(
    document: dict[str, Any], path: str, method: str
) -> None:
    schemes = document["components"]["securitySchemes"]
    security = document["paths"][path][method]["security"]
    assert [schemes[name]["type"] for choice in security for name in choice] == ["http", "apiKey"]


def test_health_is_documented_as_open(document: dict[str, Any]) -> None:
    assert "security" not in document["paths"]["/health/live"]["get"]
