"""OpenTelemetry, switched on by its standard variables: a real process and a collector beside it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

from tests.builders import coloured, make_package
from tests.service.service_process import running

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(BaseHTTPRequestHandler):
    """Takes what an OTLP exporter sends over HTTP."""

    received: dict[str, bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received[self.path] = self.received.get(self.path, b"") + body
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def collector() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield a collector's address and what came to it, by path."""
    received: dict[str, bytes] = {}
    handler = type("BoundCollector", (Collector,), {"received": received})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


def predict(url: str, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{url}/predict", content=coloured("red"), headers=headers)


def test_spans_and_metrics_go_to_the_collector_in_the_callers_trace(models_dir: Path) -> None:
    make_package(models_dir)
    with collector() as (address, received):
        with running(models_dir, OTEL_EXPORTER_OTLP_ENDPOINT=address) as service:
            assert predict(service.url, traceparent=f"00-{TRACE}-{PARENT}-01").status_code == 200
            assert service.stop() == 0
        assert {"/v1/traces", "/v1/metrics"} <= set(received)
        spans = received["/v1/traces"]
        assert b"POST /predict" in spans
        assert bytes.fromhex(TRACE) in spans
        assert b"http.server.request.duration" in received["/v1/metrics"]


def test_the_log_and_the_answer_name_the_span_that_is_exported(models_dir: Path) -> None:
    make_package(models_dir)
    with collector() as (address, received):
        with running(models_dir, OTEL_EXPORTER_OTLP_ENDPOINT=address) as service:
            answered = predict(service.url).headers["traceresponse"]
            assert service.stop() == 0
        _, trace_id, span_id, _ = answered.split("-")
        assert bytes.fromhex(trace_id) in received["/v1/traces"]
        assert bytes.fromhex(span_id) in received["/v1/traces"]
        assert f"trace_id={trace_id} span_id={span_id}" in service.log


def test_without_its_variables_nothing_is_traced(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir) as service:
        assert "traceresponse" not in predict(service.url).headers
