"""The Open Inference Protocol: what its clients send, and what they must not send."""

import base64
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.builders import coloured, make_package
from tests.conftest import ClientFactory
from tests.service.oip_requests import INFER, LENGTH, images, infer, infer_binary, outputs, tensor

ADMIN = {"authorization": "Bearer admin-key-123"}


@pytest.fixture
def client(shared_client: TestClient) -> TestClient:
    return shared_client


def test_the_server_names_itself(client: TestClient) -> None:
    answer = client.get("/v2").json()
    assert set(answer) == {"name", "version", "extensions"}
    assert "binary_tensor_data" in answer["extensions"]


def test_health_follows_the_service(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json()["ready"] is True
    monkeypatch.setattr(client.app.state.lifecycle, "draining", True)  # type: ignore[attr-defined]
    assert client.get("/v2/health/ready").status_code == 503


def test_an_empty_repository_is_not_ready(start_service: ClientFactory) -> None:
    assert start_service().get("/v2/health/ready").status_code == 503


@pytest.mark.parametrize("url", ["/v2/models/colours", "/v2/models/colours/versions/1"])
def test_metadata_describes_input_and_outputs(client: TestClient, url: str) -> None:
    answer = client.get(url).json()
    assert (answer["name"], answer["versions"]) == ("colours", ["1"])
    assert answer["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 16, 16, 3]}]
    assert {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]} in answer["outputs"]


def test_a_model_is_ready_or_says_why_not(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir)
    make_package(models_dir, after=lambda folder: (folder / "model.onnx").unlink())
    client = start_service()
    assert client.get("/v2/models/colours/ready").json() == {"name": "colours", "ready": True}
    assert client.get("/v2/models/colours/versions/1/ready").status_code == 200
    response = client.get("/v2/models/colours/versions/2/ready")
    assert response.status_code == 503
    assert "model.onnx is not there yet" in response.json()["error"]


def test_nested_and_flat_data_give_the_same_answer(client: TestClient) -> None:
    values = images("red", "blue")
    nested = outputs(infer(client, tensor(values)))
    flat = outputs(infer(client, tensor(values, data=values.ravel().tolist())))
    for name, found in nested.items():
        np.testing.assert_array_equal(found, flat[name])
    assert nested["probabilities"].argmax(axis=1).tolist() == [0, 2]


def test_raw_tensors_give_the_same_answer_as_json(client: TestClient) -> None:
    values = images("red", "green", "blue")
    expected = outputs(infer(client, tensor(values)))
    response = infer_binary(client, values, parameters={"binary_data_output": True})
    assert response.headers["content-type"] == "application/octet-stream"
    found = outputs(response)
    assert set(found) == set(expected)
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name].astype(np.float32))


def test_the_protocol_and_predict_agree(client: TestClient) -> None:
    (entry,) = client.post("/predict", content=coloured("green")).json()["predictions"]
    found = outputs(infer(client, tensor(images("green"))))
    assert found["probabilities"].max() == pytest.approx(entry["probability"], abs=1e-6)


def test_the_answer_names_model_version_and_id(client: TestClient) -> None:
    answer = infer(client, tensor(images("red")), id="7").json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("colours", "1", "7")
    assert "id" not in infer(client, tensor(images("red"))).json()


def test_only_the_wanted_outputs_come_each_in_its_form(client: TestClient) -> None:
    wanted = [{"name": "logits", "parameters": {"binary_data": True}}, {"name": "embedding"}]
    response = infer(client, tensor(images("red")), outputs=wanted)
    assert list(outputs(response)) == ["logits", "embedding"]
    assert LENGTH in response.headers


@pytest.mark.parametrize("binary", [False, True])
def test_classification_gives_the_best_labels(client: TestClient, binary: bool) -> None:
    parameters = {"classification": 2, "binary_data": binary}
    wanted = [{"name": "probabilities", "parameters": parameters}]
    response = infer(client, tensor(images("blue")), outputs=wanted)
    if binary:
        raw = response.content[int(response.headers[LENGTH]) :]
        (length,) = struct.unpack_from("<I", raw)
        best = raw[4 : 4 + length].decode()
    else:
        (output,) = response.json()["outputs"]
        assert (output["datatype"], output["shape"]) == ("BYTES", [1, 2])
        best = output["data"][0]
    score, index, label = best.split(":")
    assert (float(score) > 0.99, index, label) == (True, "2", "blue")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "pixels"},
        {"datatype": "FP32"},
        {"shape": [1, 16, 16]},
        {"shape": [2, 16, 16, 3]},
        {"shape": [1, 3, 16, 16]},
        {"shape": [-1, 16, 16, 3]},
        {"shape": [0, 16, 16, 3]},
        {"shape": [2**62, 2**62, 2**62, 3]},
        {"shape": []},
        {"shape": [], "data": 5},
        {"shape": [1.5, 16, 16, 3]},
        {"data": None},
        {"data": []},
        {"data": "text"},
        {"data": [256] * 768},
        {"data": [-1] * 768},
        {"data": [0.5] * 768},
        {"data": [True] * 768},
        {"data": [10**30] * 768},
        {"data": [[1], [1, 2]]},
        {"data": {"a": 1}},
        {"parameters": {"binary_data_size": 768}},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_an_input_that_does_not_fit_is_refused(client: TestClient, changes: dict[str, Any]) -> None:
    response = infer(client, tensor(images("red"), **changes))
    assert response.status_code == (413 if changes.get("shape", [0])[:1] == [2**62] else 400)
    assert response.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"inputs": []}',
        b'{"inputs": [{}, {}]}',
        b'{"inputs": "image"}',
        b'{"inputs": [{"name": "image"}]}',
    ],
    ids=lambda body: body[:20].decode() or "empty",
)
def test_a_body_of_another_form_is_400(client: TestClient, body: bytes) -> None:
    response = client.post(INFER, content=body)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")


@pytest.mark.parametrize(
    "changes",
    [
        {"length": "0"},
        {"length": "-1"},
        {"length": "999999"},
        {"length": "9" * 40},
        {"length": "x"},
        {"length": "10"},
        {"size": 767},
        {"size": 769},
        {"size": -768},
        {"size": "768"},
        {"size": True},
        {"size": 2**64},
    ],
    ids=str,
)
def test_lengths_that_do_not_fit_are_400(client: TestClient, changes: dict[str, Any]) -> None:
    response = infer_binary(client, images("red"), **changes)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "none"},
        {"name": "embedding", "parameters": {"classification": 1}},
        {"name": "logits", "parameters": {"classification": -1}},
        {"name": "logits", "parameters": {"binary_data": "yes"}},
    ],
    ids=str,
)
def test_an_output_that_does_not_fit_is_400(client: TestClient, wanted: dict[str, Any]) -> None:
    assert infer(client, tensor(images("red")), outputs=[wanted]).status_code == 400


def test_more_images_than_allowed_are_refused(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    response = infer_binary(start_service(max_images=2), images("red", "red", "red"))
    assert (response.status_code, response.json()["code"]) == (413, "too_many_images")


def test_an_unknown_model_is_404_with_an_error(client: TestClient) -> None:
    response = client.post("/v2/models/none/infer", json={})
    assert response.status_code == 404
    assert "colours" in response.json()["error"]


def test_the_index_lists_versions_and_reasons(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    make_package(models_dir, after=lambda folder: (folder / "model.onnx").unlink())
    client = start_service()
    index = {(m["version"], m["state"]) for m in client.post("/v2/repository/index").json()}
    assert index == {("1", "READY"), ("2", "UNAVAILABLE")}
    ready = client.post("/v2/repository/index", json={"ready": True}).json()
    assert [m["version"] for m in ready] == ["1"]


def test_a_model_is_unloaded_and_loaded_again(
    models_dir: Path, start_service: ClientFactory
) -> None:
    make_package(models_dir)
    client = start_service(admin_keys="admin-key-123")
    url = "/v2/repository/models/colours"
    assert client.post(f"{url}/unload").status_code == 401
    assert client.post(f"{url}/unload", headers=ADMIN).status_code == 200
    assert client.get("/v2/models/colours/ready").status_code == 503
    assert client.post(f"{url}/load", headers=ADMIN).status_code == 200
    assert client.get("/v2/models/colours/ready").status_code == 200


def test_predict_keys_guard_the_protocol(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir)
    client = start_service(api_keys="predict-key")
    assert client.post(INFER, json={}).status_code == 401
    assert client.get("/v2/models/colours").status_code == 401
    assert client.get("/v2/health/ready").status_code == 200


def test_base64_is_no_tensor(client: TestClient) -> None:
    text = base64.b64encode(coloured("red")).decode()
    assert infer(client, tensor(images("red"), data=[text] * 768)).status_code == 400


def test_the_timeout_parameter_is_a_deadline(client: TestClient) -> None:
    late = infer(client, tensor(images("red")), parameters={"timeout": 1})
    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    assert infer(client, tensor(images("red")), parameters={"timeout": 0}).status_code == 200
    assert infer(client, tensor(images("red")), parameters={"timeout": "1"}).status_code == 400


def test_models_are_listed_by_name(client: TestClient) -> None:
    assert client.get("/v2/models").json() == {"models": ["colours"]}


@pytest.mark.parametrize("url", ["/v2/models/colours", "/v2/models/colours/versions/1"])
def test_the_configuration_describes_tensors_without_the_batch(
    client: TestClient, url: str
) -> None:
    config = client.get(f"{url}/config").json()
    assert config["max_batch_size"] == 16
    assert config["input"][0]["dims"] == [16, 16, 3]
    assert {"name": "logits", "data_type": "TYPE_FP32", "dims": [3]} in config["output"]


def test_statistics_add_up(models_dir: Path, start_service: ClientFactory) -> None:
    make_package(models_dir)
    client = start_service()
    assert infer(client, tensor(images("red", "blue"))).status_code == 200
    assert client.post("/predict", content=coloured("red")).status_code == 200
    assert infer(client, tensor(images("red")), parameters={"timeout": 1}).status_code == 504
    for url in (
        "/v2/models/stats",
        "/v2/models/colours/stats",
        "/v2/models/colours/versions/1/stats",
    ):
        (stats,) = client.get(url).json()["model_stats"]
        assert (stats["name"], stats["version"], stats["inference_count"]) == ("colours", "1", 3)
        counts = {name: part["count"] for name, part in stats["inference_stats"].items()}
        assert (counts["success"], counts["fail"], counts["queue"]) == (2, 1, 2)
        batches = stats["batch_stats"]
        assert sum(b["batch_size"] * b["compute_infer"]["count"] for b in batches) == 3
        assert sum(b["compute_infer"]["count"] for b in batches) == stats["execution_count"]
