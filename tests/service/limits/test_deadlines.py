"""The caller's own deadline, over HTTP."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.limits.deadlines import TIMEOUT_HEADER, Deadline
from tests.builders import coloured, make_package
from tests.conftest import serving


def post(client: TestClient, timeout_ms: str) -> tuple[int, str]:
    headers = {TIMEOUT_HEADER: timeout_ms, "content-type": "image/png"}
    response = client.post("/predict", content=coloured("red"), headers=headers)
    return response.status_code, response.json().get("code", "")


def test_a_generous_deadline_is_kept(client: TestClient) -> None:
    assert post(client, "10000") == (200, "")


@pytest.mark.parametrize("given", ["", "0", "-1", "1.5", "1e3", "abc", "9" * 12, "²"])
def test_what_is_no_number_of_milliseconds_is_422(client: TestClient, given: str) -> None:
    headers = [(TIMEOUT_HEADER.encode(), given.encode("latin-1", "replace"))]
    response = client.post("/predict", content=coloured("red"), headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_parameter")
    assert TIMEOUT_HEADER in response.json()["detail"]


def test_a_caller_may_lower_the_services_bound_but_not_raise_it() -> None:
    assert Deadline.of_request("100", answer_within_s=5).left_s() < 0.11
    assert Deadline.of_request("60000", answer_within_s=5).left_s() < 5.01


def test_a_request_that_would_wait_too_long_is_refused_before_it_is_read(
    client: TestClient,
) -> None:
    admission = client.app.state.context.admission  # type: ignore[attr-defined]
    times = iter([0.0, 0.0, 10.0, 10.0, 10.0, 10.0])
    admission._clock = lambda: next(times)
    with admission.working("colours", images=1, time_left_s=60):
        headers = {TIMEOUT_HEADER: "500", "content-type": "x/y"}
        response = client.post("/predict", content=b"never read", headers=headers)
    assert (response.status_code, response.json()["code"]) == (429, "overloaded")
    assert int(response.headers["retry-after"]) >= 1


def test_only_the_model_that_the_body_names_is_waited_for(models_dir: Path) -> None:
    for name in ("busy", "idle"):
        make_package(models_dir, name=name)
    with serving(models_dir, default_model="busy") as client:
        admission = client.app.state.context.admission  # type: ignore[attr-defined]
        now = [0.0]
        admission._clock = lambda: now[0]

        def ask(**fields: str) -> int:
            files = {"file": coloured("red")}
            headers = {TIMEOUT_HEADER: "5000"}
            return client.post("/predict", files=files, data=fields, headers=headers).status_code

        with admission.working("busy", images=1, time_left_s=60):
            now[0] = 10.0
            assert ask(model="idle") == 200
            assert [ask(model="busy"), ask()] == [429, 429]
            assert post(client, "5000") == (429, "overloaded")
