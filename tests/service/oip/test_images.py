"""Encoded images in an input of BYTES."""

import base64
import json
import struct
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.builders import coloured
from tests.service.oip_requests import INFER, LENGTH, infer, outputs


@pytest.fixture
def client(shared_client: TestClient) -> TestClient:
    return shared_client


def encoded_input(count: int, **changes: Any) -> dict[str, Any]:
    return {"name": "image", "datatype": "BYTES", "shape": [count], **changes}


def infer_encoded(client: TestClient, *files: bytes, **changes: Any) -> Response:
    raw = b"".join(struct.pack("<I", len(data)) + data for data in files)
    parameters = {"binary_data_size": len(raw)}
    given = encoded_input(len(files), **{"parameters": parameters, **changes})
    header = json.dumps({"inputs": [given], "parameters": {"binary_data_output": True}}).encode()
    return client.post(INFER, content=header + raw, headers={LENGTH: str(len(header))})


@pytest.mark.parametrize("shape", [[3], [3, 1]])
def test_encoded_images_are_decoded_as_predict_does(client: TestClient, shape: list[int]) -> None:
    files = [coloured(label, image_format="JPEG") for label in ("red", "blue", "green")]
    found = outputs(infer_encoded(client, *files, shape=shape))
    texts = [base64.b64encode(data).decode() for data in files]
    entries = client.post("/predict", json={"images": texts}).json()["predictions"]
    assert found["probabilities"].argmax(axis=1).tolist() == [0, 2, 1]
    for row, entry in zip(found["probabilities"], entries, strict=True):
        assert row.max() == pytest.approx(entry["probability"], abs=1e-6)


def test_encoded_images_in_json_are_base64(client: TestClient) -> None:
    text = base64.b64encode(coloured("blue")).decode()
    for data in ([text], [[text]]):
        found = outputs(infer(client, encoded_input(1, data=data)))
        assert found["probabilities"].argmax() == 2


def test_an_encoded_image_that_cannot_be_decoded_fails_the_tensor(client: TestClient) -> None:
    response = infer_encoded(client, coloured("red"), b"\x89PNG\r\n\x1a\nbad")
    assert (response.status_code, response.json()["code"]) == (422, "undecodable_image")
    assert response.json()["error"]


@pytest.mark.parametrize(
    "changes",
    [
        {"data": ["%"]},
        {"data": "text"},
        {"data": [1]},
        {"data": None},
        {"data": ["QQ=="], "shape": [2]},
        {"data": [], "shape": [1]},
        {"data": ["QQ==", "QQ=="], "shape": [1, 2]},
    ],
    ids=str,
)
def test_encoded_input_that_does_not_fit_is_refused(
    client: TestClient, changes: dict[str, Any]
) -> None:
    response = infer(client, encoded_input(1, **changes))
    assert response.status_code in (400, 415, 422)


@pytest.mark.parametrize("raw", [b"\x05\0\0\0abc", b"\xff\xff\xff\xff", b"\x01\0", b"\0\0\0\0" * 2])
def test_lengths_inside_encoded_input_that_lie_are_400(client: TestClient, raw: bytes) -> None:
    given = encoded_input(1, parameters={"binary_data_size": len(raw)})
    header = json.dumps({"inputs": [given]}).encode()
    response = client.post(INFER, content=header + raw, headers={LENGTH: str(len(header))})
    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")
