"""What a user of KServe's Python client does, run in an environment that has it and nothing of ours.

`python ask_with_kserve.py HOST:PORT IMAGE ADMIN_KEY`; see `ask_with_tritonclient.py`.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig


async def main(url: str, image: bytes) -> None:
    """Walk through the client."""
    async with InferenceRESTClient(RESTConfig(protocol="v2", retries=0)) as client:
        assert await client.is_server_live(url)
        assert await client.is_server_ready(url)
        assert await client.is_model_ready(url, "colours")
        for binary in (True, False):
            await infer_pixels(client, url, binary=binary)
        await infer_encoded(client, url, image)
        await err(client, url)
    print("all of kserve passed")


async def infer_pixels(client: InferenceRESTClient, url: str, *, binary: bool) -> None:
    """Pixels in the request's JSON or behind it."""
    pixels = np.zeros((2, 16, 16, 3), np.uint8)
    pixels[0, ..., 2] = pixels[1, ..., 0] = 250
    tensor = InferInput("image", list(pixels.shape), "UINT8")
    tensor.set_data_from_numpy(pixels, binary_data=binary)
    result = await client.infer(url, InferRequest("colours", [tensor]), model_name="colours")
    assert result.model_name == "colours"
    assert probabilities(result).argmax(axis=1).tolist() == [2, 0]


async def infer_encoded(client: InferenceRESTClient, url: str, data: bytes) -> None:
    """The image as it is on disk, in a tensor of BYTES."""
    tensor = InferInput("image", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([data], dtype=object), binary_data=True)
    result = await client.infer(url, InferRequest("colours", [tensor]), model_name="colours")
    assert probabilities(result).argmax() == 0


async def err(client: InferenceRESTClient, url: str) -> None:
    """An error arrives as the client's own exception."""
    tensor = InferInput("image", [1, 8, 8, 3], "UINT8")
    tensor.set_data_from_numpy(np.zeros((1, 8, 8, 3), np.uint8), binary_data=False)
    try:
        await client.infer(url, InferRequest("colours", [tensor]), model_name="colours")
    except httpx.HTTPStatusError as caught:
        assert caught.response.status_code == 400
    else:
        raise AssertionError("a tensor of the wrong shape was answered")


def probabilities(result: Any) -> Any:
    """Return one output of an answer as an array."""
    (found,) = (output for output in result.outputs if output.name == "probabilities")
    return found.as_numpy()


if __name__ == "__main__":
    asyncio.run(main(f"http://{sys.argv[1]}", Path(sys.argv[2]).read_bytes()))
