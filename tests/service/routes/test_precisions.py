"""Which precision and runtime answer: told by each answer, the log and the protocol."""

import logging
from pathlib import Path

import pytest

from tests.builders import coloured, make_package
from tests.conftest import ClientFactory
from tests.inference.test_precision import add_precision

RED = coloured("red")


def test_who_answered_is_in_the_headers_the_log_and_the_protocol(
    models_dir: Path, start_service: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    make_package(models_dir)
    client = start_service(provider="openvino", answer_cache_mb=1)
    with caplog.at_level(logging.INFO, "service"):
        for _ in range(2):
            answer = client.post("/predict", content=RED, params={"precision": "FP32"})
            assert answer.headers["graft-precision"] == "fp32"
            assert answer.headers["graft-runtime"] == "openvino"
    lines = [r.getMessage() for r in caplog.records if r.msg.startswith("request_done")]
    for line, found in zip(lines, ("miss", "hit"), strict=True):
        assert f" model=colours version=1 precision=fp32 runtime=openvino cache={found} " in line
    assert client.get("/v2/models/colours").json()["platform"] == "openvino_onnx"
    assert client.get("/v2/models/colours/config").json()["backend"] == "openvino"


def test_a_precision_that_is_never_run_here_is_refused_with_those_that_are(
    models_dir: Path, start_service: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    add_precision(make_package(models_dir), "int8")
    client = start_service(provider="openvino")
    with caplog.at_level(logging.INFO, "service"):
        answer = client.post("/predict", content=RED, params={"precision": "int8"})
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith("runs int8; of model 'colours' version 1 ask for fp32")
    assert "model_loading" not in caplog.text
