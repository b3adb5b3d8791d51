"""The parts of the OpenAPI document that FastAPI cannot see: the body forms and the problems."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.body_schemas import predict_body
from service.api.how_answered import PRECISION_HEADER, RUNTIME_HEADER
from service.api.query_parameters import OptionsQuery
from service.limits.deadlines import TIMEOUT_HEADER
from service.problems import MEDIA_TYPE
from service.schemas import AliasBody, FeedbackBody, Problem, Traffic

_REFERENCE: Final = "#/components/schemas/{model}"
_KEY_HEADER: Final = "APIKeyHeader"
_BEARER: Final = "HTTPBearer"
_MEANINGS: Final = {
    400: "Malformed request, no image, or no model chosen where there are several",
    401: "API key missing or not known",
    403: "Admin key required, or these calls are off",
    404: "No such model, version or address",
    408: "The body came too slowly",
    413: "Too many bytes or images",
    415: "Not an accepted content type, or not an accepted image type",
    422: "An image that cannot be decoded or has too many pixels, or a parameter that does not fit",
    429: "Overloaded, or this caller sends too much; see Retry-After",
    500: "An error of the service",
    503: "Model loading or failed, nothing published, or shutting down; see Retry-After",
    504: "No answer in time",
}

_TIMEOUT_PARAMETER: Final = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "required": False,
    "description": "Milliseconds from the request's first byte after which the caller gives up; the "
    "service's own bound is the longest there is.",
    "schema": {"type": "integer", "minimum": 1},
}


def predict_operation(query: type[OptionsQuery]) -> dict[str, Any]:
    """Return what there is to say of a route that reads its query and checks its caller itself."""
    options: dict[str, dict[str, Any]] = query.model_json_schema()["properties"]
    return {
        "parameters": [*_query_parameters(options), _TIMEOUT_PARAMETER],
        "requestBody": predict_body(options),
        "security": [{_BEARER: []}],
        "responses": {"200": {"headers": _answer_headers()}},
    }


def _answer_headers() -> dict[str, Any]:
    said = {
        PRECISION_HEADER: "The precision in which the model ran.",
        RUNTIME_HEADER: "What ran it: onnxruntime or openvino.",
        "Cache-Status": "With GRAFT_ANSWER_CACHE_MB: whether the answers were kept (RFC 9211).",
        "Age": "Seconds since the oldest answer that was kept was made.",
    }
    return {
        name: {"description": text, "schema": {"type": "string"}} for name, text in said.items()
    }


def _query_parameters(properties: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.get("description", ""),
            "schema": schema,
        }
        for name, schema in properties.items()
    ]


def _json_body(model: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=model)}
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


ALIAS_BODY: Final = _json_body("AliasBody")
TRAFFIC_BODY: Final = _json_body("Traffic")
FEEDBACK_BODY: Final = _json_body("FeedbackBody")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may answer with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Let `app.openapi()` give the whole document."""

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, AliasBody, Traffic, FeedbackBody):
        schema = model.model_json_schema(ref_template=_REFERENCE)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    _declare_key_header(document)
    _drop_framework_errors(document)
    return document


def _declare_key_header(document: dict[str, Any]) -> None:
    """Say that a key may come in either header; FastAPI sees one (`dependencies.py`)."""
    document["components"]["securitySchemes"][_KEY_HEADER] = {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key.",
    }
    for path in document["paths"].values():
        for operation in path.values():
            if "security" in operation:
                operation["security"].append({_KEY_HEADER: []})


def _drop_framework_errors(document: dict[str, Any]) -> None:
    """Remove the 422 that FastAPI adds wherever there is a parameter; ours are declared."""
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422")):
                del responses["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
