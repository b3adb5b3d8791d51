"""Around every request: its id, its line in the log, its metrics; and the border for our mistakes.

Pure ASGI, for Starlette's `BaseHTTPMiddleware` hides a client that has gone.
"""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Iterator
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.logs import FIELDS, printable
from service.prediction.stages import StageTimes
from service.problems import CLIENT_CLOSED_REQUEST, internal_error_response
from service.telemetry.prometheus import ServiceMetrics
from service.telemetry.tracing import TRACE_HEADER, read_trace

logger = logging.getLogger(__name__)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# For every answer; a page that needs more has a policy of its own.
_SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_PROBES: Final = frozenset(
    {
        *("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"),
        *("/v2/models/{name}/ready", "/v2/models/{name}/versions/{version}/ready", "/ping"),
    }
)
_SCRAPE: Final = "/metrics"
_TRACE_HEADER: Final = TRACE_HEADER.encode()
_UNROUTED: Final = "(none)"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ObservabilityMiddleware:
    """See the module. Puts `request_id` and `times` into the request's state."""

    def __init__(self, app: ASGIApp, *, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = _RequestRecord(scope, send)
        try:
            await self._app(scope, receive, record.send)
            record.note_end()
            # uvloop writes when all that is ready has run: let it, before the answer is counted and logged.
            await asyncio.sleep(0)
        finally:
            record.finish(self._metrics)


class InternalErrorMiddleware:
    """Answers for a mistake of ours. Within what adds to every answer, so that this one has it too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        # The border of a request: nobody else answers for a mistake of ours.
        except Exception:
            logger.exception("request_failed id=%s", scope["state"]["request_id"])
            if started:
                raise
            await internal_error_response(Request(scope))(scope, receive, send)


class _RequestRecord:
    def __init__(self, scope: Scope, send: Send) -> None:
        headers = dict(reversed(scope["headers"]))  # of one that is there twice, the first
        self.request_id = _request_id(headers.get(b"x-request-id", b"").decode("latin-1"))
        self.times = StageTimes()
        self.status: int | None = None
        self._scope = scope
        self._send = send
        self._trace = read_trace(headers.get(_TRACE_HEADER, b"").decode("latin-1"))
        self._started = time.perf_counter()
        self._ended: float | None = None
        scope.setdefault("state", {}).update(request_id=self.request_id, times=self.times)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers(message)]
        await self._send(message)

    def _headers(self, message: Message) -> Iterator[tuple[bytes, bytes]]:
        """Yield what every answer has beside its own headers."""
        own = {name.lower() for name, _ in message.get("headers", ())}
        yield b"x-request-id", self.request_id.encode()
        yield from (header for header in _SAFE_HEADERS if header[0] not in own)
        if self._trace is not None:
            yield b"traceresponse", self._trace.traceparent.encode()
        if self.times.seconds:
            yield b"server-timing", _server_timing(self.times).encode()

    def note_end(self) -> None:
        """The last byte has been handed over."""
        self._ended = time.perf_counter()

    def finish(self, metrics: ServiceMetrics) -> None:
        """Count and log the request."""
        seconds = (self._ended or time.perf_counter()) - self._started
        scope, status = self._scope, self.status or 0
        if scope["state"].get("client_left"):  # `connections.py` knows
            status = CLIENT_CLOSED_REQUEST
        route = getattr(scope.get("route"), "path", _UNROUTED)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        metrics.note_request(route, method, status, seconds)
        metrics.note_stages(self.times)
        if code := scope["state"].get("problem_code"):
            metrics.note_problem(code)
        level = _level(route, status)
        if logger.isEnabledFor(level):
            fields = self._fields(method, status, seconds)
            line = " ".join(f"{name}={value}" for name, value in fields.items())
            logger.log(level, "request_done %s", line, extra={FIELDS: fields})

    def _fields(self, method: str, status: int, seconds: float) -> dict[str, Any]:
        # The path as it came, still percent-encoded, so that it cannot forge a field.
        path = self._scope.get("raw_path", b"").decode("ascii", "backslashreplace")
        fields: dict[str, Any] = {
            "id": self.request_id,
            "client": _shown_client((self._scope.get("client") or ("-",))[0][:64]),
            "method": method,
            "path": printable(path.partition("?")[0])[:200],
            "status": status,
            "ms": round(seconds * 1e3, 1),
        }
        state = self._scope["state"]
        fields.update(state.get("answered_by", ()))
        if found := state.get("cache_status"):
            fields["cache"] = found
        fields.update({f"{k}_ms": round(v * 1e3, 1) for k, v in self.times.seconds.items()})
        if code := state.get("problem_code"):
            fields["problem"] = code
        if self._trace is not None:
            fields["trace_id"] = self._trace.trace_id
            if self._trace.parent_id is not None:
                fields["parent_id"] = self._trace.parent_id
            fields["span_id"] = self._trace.span_id
        return fields


@lru_cache
def _shown_client(address: str) -> str:
    """What a proxy gives for an address may be any text, and must not look like another field."""
    return quote(address, safe=":.[]%-_")


def _level(route: str, status: int) -> int:
    """Probes and scrapes come every few seconds and say nothing new; a scrape that is refused does."""
    if route in _PROBES or (route == _SCRAPE and status < HTTPStatus.BAD_REQUEST):
        return logging.DEBUG
    return logging.INFO


def _request_id(given: str) -> str:
    if _REQUEST_ID.fullmatch(given):
        return given
    return secrets.token_hex(8)


def _server_timing(times: StageTimes) -> str:
    return ", ".join(f"{stage};dur={seconds * 1e3:.2f}" for stage, seconds in times.seconds.items())
