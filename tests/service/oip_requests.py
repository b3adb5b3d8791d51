"""Requests of the Open Inference Protocol, and its answers read as a client does."""

import json
from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.builders import COLOURS

INFER = "/v2/models/colours/infer"
LENGTH = "Inference-Header-Content-Length"


def images(*labels: str) -> np.ndarray:
    return np.stack([np.full((16, 16, 3), COLOURS[label], np.uint8) for label in labels])


def tensor(values: np.ndarray, **changes: Any) -> dict[str, Any]:
    given = {"name": "image", "shape": list(values.shape), "datatype": "UINT8"}
    return {**given, "data": values.tolist(), **changes}


def infer(client: TestClient, given: dict[str, Any], **body: Any) -> Response:
    return client.post(INFER, json={"inputs": [given], **body})


def infer_binary(
    client: TestClient,
    values: np.ndarray,
    *,
    size: Any = None,
    length: str | None = None,
    **body: Any,
) -> Response:
    raw = values.tobytes()
    given = tensor(values, parameters={"binary_data_size": len(raw) if size is None else size})
    del given["data"]
    header = json.dumps({"inputs": [given], **body}).encode()
    headers = {LENGTH: str(len(header)) if length is None else length}
    return client.post(INFER, content=header + raw, headers=headers)


def outputs(response: Response) -> dict[str, np.ndarray]:
    """Read all outputs, in JSON or raw, as a client does."""
    body = response.content
    length = int(response.headers.get(LENGTH, len(body)))
    raw, found = body[length:], {}
    for output in json.loads(body[:length])["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = np.asarray(output["data"])
        else:
            values, raw = np.frombuffer(raw[:size], "<f4"), raw[size:]
        found[output["name"]] = values.reshape(output["shape"])
    assert raw == b""
    return found
