"""Errors as HTTP: the only place where an error meets a status number. RFC 9457."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from inference import errors as inference
from service import errors
from service.schemas import FieldError, ImageProblem, Problem

MEDIA_TYPE: Final = "application/problem+json"
# Where nobody knows when: what failed is tried again no sooner.
_RETRY_AFTER_S: Final = 5
CLIENT_CLOSED_REQUEST: Final = 499  # never seen by a client; for the log and the metrics


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """How one kind of error is answered."""

    status: int
    code: str
    title: str


_INTERNAL: Final = ProblemKind(500, "internal_error", "Internal error")

# The nearest class of an error's ancestry counts.
_KINDS: Final[Mapping[type[Exception], ProblemKind]] = {
    errors.MalformedRequest: ProblemKind(400, "malformed_request", "Malformed request"),
    errors.MalformedBody: ProblemKind(400, "malformed_body", "Malformed body"),
    errors.NoImages: ProblemKind(400, "no_images", "No image in the request"),
    errors.ModelNotChosen: ProblemKind(400, "model_not_chosen", "No model chosen"),
    errors.KeyRequired: ProblemKind(401, "api_key_required", "API key required"),
    errors.KeyInsufficient: ProblemKind(403, "admin_key_required", "Admin key required"),
    errors.AdminDisabled: ProblemKind(403, "admin_disabled", "Admin calls are off"),
    errors.FeedbackDisabled: ProblemKind(403, "feedback_disabled", "Feedback is off"),
    errors.UnknownAnswer: ProblemKind(404, "unknown_answer", "No such answer is kept"),
    errors.NoReport: ProblemKind(404, "no_report", "No report"),
    errors.BodyTimeout: ProblemKind(408, "body_timeout", "Body too slow"),
    errors.HeadTimeout: ProblemKind(408, "head_timeout", "Headers too slow"),
    errors.BodyTooLarge: ProblemKind(413, "too_many_bytes", "Too many bytes"),
    errors.ImagesTooCostly: ProblemKind(413, "images_too_costly", "Images too costly together"),
    errors.TooManyImages: ProblemKind(413, "too_many_images", "Too many images"),
    errors.UnsupportedBody: ProblemKind(415, "unsupported_body", "Unsupported body"),
    errors.InvalidBase64: ProblemKind(422, "invalid_base64", "Invalid base64"),
    errors.AddressNotFetched: ProblemKind(
        422, "address_not_fetched", "Address in place of an image"
    ),
    errors.InvalidParameter: ProblemKind(422, "invalid_parameter", "Invalid parameter"),
    errors.NoImageAnswered: ProblemKind(422, "no_image_answered", "No image could be answered"),
    errors.RateLimited: ProblemKind(429, "rate_limited", "Too many images from this caller"),
    errors.HeadTooLarge: ProblemKind(431, "head_too_large", "Headers too large"),
    errors.TooManyConnections: ProblemKind(503, "too_many_connections", "Too many connections"),
    errors.Overloaded: ProblemKind(429, "overloaded", "Overloaded"),
    errors.ModelMisbehaved: ProblemKind(500, "model_failed", "The model failed"),
    errors.ModelNotReady: ProblemKind(503, "model_not_ready", "Model not ready"),
    errors.FeedbackNotStored: ProblemKind(503, "feedback_not_stored", "Feedback not stored"),
    errors.NoModels: ProblemKind(503, "no_models", "No models"),
    errors.NotPassedOn: ProblemKind(503, "not_passed_on", "Not passed on to all workers"),
    errors.ShuttingDown: ProblemKind(503, "shutting_down", "Shutting down"),
    errors.DeadlineExceeded: ProblemKind(504, "deadline_exceeded", "Deadline exceeded"),
    inference.UnsupportedFormat: ProblemKind(
        415, "unsupported_format", "Not an accepted image type"
    ),
    inference.UndecodableImage: ProblemKind(422, "undecodable_image", "Image cannot be decoded"),
    inference.ImageTooLarge: ProblemKind(422, "too_many_pixels", "Image too large"),
    inference.InvalidName: ProblemKind(422, "invalid_name", "Invalid name"),
    inference.ModelNotFound: ProblemKind(404, "model_not_found", "Model not found"),
    inference.SessionError: ProblemKind(500, "model_failed", "The model failed"),
    # A repository that cannot be written to or read from.
    inference.PackageError: ProblemKind(503, "repository_unavailable", "Repository unavailable"),
}


def kind_of(err: Exception) -> ProblemKind:
    """Return how an error is answered; an unknown one is an internal error."""
    return next((_KINDS[cls] for cls in type(err).__mro__ if cls in _KINDS), _INTERNAL)


def image_problem(err: Exception) -> ImageProblem:
    """Describe why one image of several has no prediction."""
    kind = kind_of(err)
    return ImageProblem(
        type=_type(kind.code),
        title=kind.title,
        status=kind.status,
        detail=_detail(err, kind),
        code=kind.code,
    )


def problem_response(request: Request, err: Exception) -> Response:
    """Answer a request with an error of the service or of `inference`."""
    kind = kind_of(err)
    fields = None
    if isinstance(err, errors.NoImageAnswered):
        fields = [
            FieldError(loc=["images", index], msg=str(failure))
            for index, failure in err.failures.items()
        ]
    return _respond(request, kind, _detail(err, kind), headers=_headers(err, kind), fields=fields)


def plain_response(err: Exception, *, headers: Mapping[str, str]) -> bytes:
    """Return a whole HTTP/1.1 answer that closes its connection, for what never became a request."""
    kind = kind_of(err)
    body = _problem(kind, _detail(err, kind), request_id="").encode()
    status = f"{kind.status} {HTTPStatus(kind.status).phrase}"
    headers = {
        **_headers(err, kind),
        **headers,
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def internal_error_response(request: Request) -> Response:
    """Answer a request that met a mistake of ours, without a word about it."""
    return _respond(request, _INTERNAL, _INTERNAL_DETAIL)


def install(app: FastAPI) -> None:
    """Answer every error of `app` in this one shape."""
    for kind, handle in _HANDLERS.items():
        app.add_exception_handler(kind, handle)


async def answer(request: Request, err: Exception) -> Response:
    """Answer a request that met an error of `ANSWERED`, as the application would."""
    handle = next(_HANDLERS[cls] for cls in type(err).__mro__ if cls in _HANDLERS)
    return await handle(request, err)


_INTERNAL_DETAIL: Final = "the service met an error of its own; its log has it under the request id"


async def _handle_ours(request: Request, err: Exception) -> Response:
    return problem_response(request, err)


async def _handle_validation(request: Request, err: Exception) -> Response:
    assert isinstance(err, RequestValidationError)
    fields = [FieldError(loc=list(e["loc"]), msg=str(e["msg"])) for e in err.errors()]
    where = "; ".join(f"{'.'.join(map(str, f.loc[1:]))}: {f.msg}" for f in fields[:3])
    kind = ProblemKind(422, "invalid_parameter", "Invalid parameter")
    return _respond(request, kind, where[:500], fields=fields)


async def _handle_http(request: Request, err: Exception) -> Response:
    """Routing's own errors: 404 for an unknown address, 405 for a wrong method."""
    assert isinstance(err, HTTPException)
    status = HTTPStatus(err.status_code)
    path, docs = request.url.path[:200], f"{request.scope.get('root_path', '')}/docs"
    allowed = (err.headers or {}).get("Allow", "")
    details = {
        404: f"there is nothing at {path!r}; {docs} lists the addresses",
        405: f"{request.method[:20]} is not possible at {path!r}; use {allowed} ({docs} lists the calls)",
    }
    kind = ProblemKind(int(status), status.name.lower(), status.phrase)
    detail = details.get(int(status), status.phrase)
    return _respond(request, kind, detail, headers=err.headers)


async def _handle_disconnect(request: Request, err: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


_HANDLERS: Final[Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]] = {
    errors.ServiceError: _handle_ours,
    inference.InferenceError: _handle_ours,
    RequestValidationError: _handle_validation,
    HTTPException: _handle_http,
    ClientDisconnect: _handle_disconnect,
}
# What is an answer rather than a mistake of ours.
ANSWERED: Final = tuple(_HANDLERS)


def _detail(err: Exception, kind: ProblemKind) -> str:
    return _INTERNAL_DETAIL if kind is _INTERNAL else str(err)


def _headers(err: Exception, kind: ProblemKind) -> dict[str, str]:
    headers = {}
    retry_after_s = err.retry_after_s if isinstance(err, errors.UnavailableError) else None
    if retry_after_s is None and kind.status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after_s = _RETRY_AFTER_S
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    if isinstance(err, errors.KeyRequired):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(err, errors.BodyTimeout) or (
        isinstance(err, errors.BodyTooLarge) and err.hang_up
    ):
        headers["Connection"] = "close"
    return headers


def _respond(
    request: Request,
    kind: ProblemKind,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    fields: list[FieldError] | None = None,
) -> Response:
    state = request.scope.setdefault("state", {})
    state["problem_code"] = kind.code
    return Response(
        _problem(kind, detail, request_id=state.get("request_id", ""), fields=fields),
        status_code=kind.status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


def _problem(
    kind: ProblemKind, detail: str, *, request_id: str, fields: list[FieldError] | None = None
) -> str:
    given: dict[str, Any] = {"errors": fields} if fields else {}
    problem = Problem(
        type=_type(kind.code),
        title=kind.title,
        status=kind.status,
        detail=detail,
        code=kind.code,
        request_id=request_id,
        error=detail,
        **given,
    )
    return problem.model_dump_json(exclude_unset=True)


def _type(code: str) -> str:
    return f"urn:graft:problem:{code}"
