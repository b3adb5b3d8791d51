"""Request ids, the log line, and metrics that add up."""

import base64
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.builders import coloured
from tests.conftest import serving
from tests.service.oip_requests import infer


def value(client: TestClient, sample: str) -> float:
    match = re.search(rf"^{re.escape(sample)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(match[1]) if match else 0.0


@contextmanager
def growing(client: TestClient, sample: str, *, by: float) -> Iterator[None]:
    """Let a block make a number grow, and by how much."""
    before = value(client, sample)
    yield
    assert value(client, sample) == before + by


@pytest.fixture(scope="module")
def client_of_a_keyed_service(colours_dir: Path) -> Iterator[TestClient]:
    with serving(colours_dir, api_keys=["a-long-key"]) as client:
        yield client


def test_a_request_id_is_made_and_unique(shared_client: TestClient) -> None:
    ids = {shared_client.get("/health/live").headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


def test_a_sane_request_id_is_kept(shared_client: TestClient) -> None:
    response = shared_client.get("/health/live", headers={"x-request-id": "trace-1.2:3_4"})
    assert response.headers["x-request-id"] == "trace-1.2:3_4"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a;b", "<b>"])
def test_another_request_id_is_replaced(shared_client: TestClient, given: str) -> None:
    response = shared_client.get("/health/live", headers={"x-request-id": given})
    assert re.fullmatch("[0-9a-f]{16}", response.headers["x-request-id"])


def test_each_request_is_one_line_of_the_log(
    shared_client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "service.telemetry.observability"):
        shared_client.get("/no%0Awhere%20status=200", headers={"x-request-id": "one"})
    (line,) = [record.getMessage() for record in caplog.records if "request_done" in record.msg]
    assert "\n" not in line
    assert re.search(r"id=one .*method=GET path=/no%0Awhere%20status=200 status=404 ms=", line)


@pytest.mark.parametrize(
    ("path", "status", "level"),
    [
        ("/health/live", 200, logging.DEBUG),
        ("/health/ready", 200, logging.DEBUG),
        ("/v2/health/ready", 200, logging.DEBUG),
        ("/v2/models/colours/ready", 200, logging.DEBUG),
        ("/metrics", 401, logging.INFO),  # a scrape without its key says so
        ("/models", 401, logging.INFO),
    ],
)
def test_probes_and_scrapes_are_no_news(
    shared_client: TestClient,
    client_of_a_keyed_service: TestClient,
    caplog: pytest.LogCaptureFixture,
    path: str,
    status: int,
    level: int,
) -> None:
    client = client_of_a_keyed_service if status == 401 else shared_client
    with caplog.at_level(logging.DEBUG, "service.telemetry.observability"):
        assert client.get(path).status_code == status
    (record,) = [record for record in caplog.records if "request_done" in record.msg]
    assert record.levelno == level


def test_a_scrape_that_is_answered_is_no_news(
    shared_client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "service.telemetry.observability"):
        shared_client.get("/metrics")
    assert caplog.records == []


def test_images_are_counted_by_outcome(shared_client: TestClient) -> None:
    form = [("f", ("a", coloured("red"))), ("f", ("b", b"bad")), ("f", ("c", coloured("blue")))]
    images = 'graft_images_total{model="colours",outcome="%s",version="1"}'
    with (
        growing(shared_client, images % "accepted", by=2),
        growing(shared_client, images % "unsupported_format", by=1),
    ):
        shared_client.post("/predict", files=form)


def test_encoded_images_of_the_protocol_are_counted_too(shared_client: TestClient) -> None:
    text = base64.b64encode(coloured("red")).decode()
    encoded = {"name": "image", "datatype": "BYTES", "shape": [2], "data": [text, text]}
    sample = 'graft_images_total{model="colours",outcome="accepted",version="1"}'
    with growing(shared_client, sample, by=2):
        assert infer(shared_client, encoded).status_code == 200


def test_images_in_batches_are_the_images_answered(shared_client: TestClient) -> None:
    form = [("f", ("a", coloured("red")))] * 5
    sample = 'graft_batch_images_sum{model="colours",version="1"}'
    with growing(shared_client, sample, by=5):
        shared_client.post("/predict", files=form)


def test_requests_are_counted_by_route_and_not_by_address(shared_client: TestClient) -> None:
    sample = 'graft_requests_total{method="GET",route="/models/{name}",status="404"}'
    with (
        growing(shared_client, sample, by=2),
        growing(shared_client, 'graft_problems_total{code="model_not_found"}', by=2),
    ):
        for name in ("a", "b"):
            shared_client.get(f"/models/{name}")


def test_unknown_addresses_and_methods_share_one_label(shared_client: TestClient) -> None:
    sample = 'graft_requests_total{method="OTHER",route="(none)",status="404"}'
    with growing(shared_client, sample, by=2):
        for address in ("/x", "/y"):
            shared_client.request("BREW", address)


def test_the_state_and_hardware_of_models_are_shown(shared_client: TestClient) -> None:
    state = 'graft_model_state{model="colours",state="ready",version="1"}'
    loaded = 'graft_model_loaded{model="colours",precision="fp32",provider="cpu",version="1"}'
    assert value(shared_client, state) == value(shared_client, loaded) == 1


def test_nothing_is_in_service_when_all_is_answered(shared_client: TestClient) -> None:
    shared_client.post("/predict", content=coloured("red"))
    assert value(shared_client, "graft_images_in_service") == 0
    assert value(shared_client, "graft_buffered_bytes") == 0


def test_a_trace_is_logged_and_answered_with_a_span_of_its_own(
    shared_client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with caplog.at_level(logging.INFO, "service.telemetry.observability"):
        response = shared_client.get("/models", headers={"traceparent": f"00-{trace}-{parent}-01"})
    assert re.fullmatch(rf"00-{trace}-[0-9a-f]{{16}}-01", response.headers["traceresponse"])
    assert parent not in response.headers["traceresponse"]
    assert f"trace_id={trace} parent_id={parent}" in caplog.text


@pytest.mark.parametrize("given", ["", "x", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "ff-a-b-c"])
def test_what_is_no_trace_is_ignored(shared_client: TestClient, given: str) -> None:
    response = shared_client.get("/health/live", headers={"traceparent": given})
    assert response.status_code == 200
    assert "traceresponse" not in response.headers


def test_queue_and_predicted_wait_are_shown_by_model(shared_client: TestClient) -> None:
    shared_client.post("/predict", content=coloured("red"))
    text = shared_client.get("/metrics").text
    assert 'graft_images_waiting{model="colours",version="1"} 0.0' in text
    assert 'graft_predicted_wait_seconds{model="colours"} 0.0' in text


def test_refusals_are_counted_by_their_reason(shared_client: TestClient) -> None:
    with growing(shared_client, 'graft_problems_total{code="unsupported_format"}', by=1):
        shared_client.post("/predict", content=b"no image")
