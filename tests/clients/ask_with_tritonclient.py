"""What a user of `tritonclient[http]` does, run in an environment that has it and nothing of ours.

`python ask_with_tritonclient.py HOST:PORT IMAGE ADMIN_KEY`: every assertion holds or it fails; the
image is red, the model is the tests' colour model.
"""

import sys
from pathlib import Path

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException


def main(address: str, image: bytes, admin_key: str) -> None:
    """Walk through the client."""
    with triton.InferenceServerClient(address) as client:
        ask_about(client)
        infer_pixels(client)
        infer_encoded(client, image)
        classify(client)
        err_as_triton_does(client)
        count(client)
        unload_and_load(client, {"Authorization": f"Bearer {admin_key}"})
    print("all of tritonclient passed")


def ask_about(client: triton.InferenceServerClient) -> None:
    """Health, metadata, configuration, index."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("colours")
    assert client.is_model_ready("colours", "1")
    assert not client.is_model_ready("nobody")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("colours")
    assert metadata["inputs"][0]["name"] == "image"
    assert client.get_model_config("colours")["max_batch_size"] > 1
    (entry,) = client.get_model_repository_index()
    assert (entry["name"], entry["version"], entry["state"]) == ("colours", "1", "READY")


def infer_pixels(client: triton.InferenceServerClient) -> None:
    """Pixels in raw and in JSON, outputs in raw and in JSON, all outputs by default."""
    pixels = np.zeros((2, 16, 16, 3), np.uint8)
    pixels[0, ..., 2] = pixels[1, ..., 0] = 250
    found = []
    for binary_in in (True, False):
        for binary_out in (True, False):
            image = triton.InferInput("image", list(pixels.shape), "UINT8")
            image.set_data_from_numpy(pixels, binary_data=binary_in)
            wanted = [triton.InferRequestedOutput("probabilities", binary_data=binary_out)]
            result = client.infer("colours", [image], outputs=wanted, request_id="7")
            assert result.get_response()["id"] == "7"
            found.append(result.as_numpy("probabilities"))
    for probabilities in found:
        assert probabilities.argmax(axis=1).tolist() == [2, 0]
        np.testing.assert_allclose(probabilities, found[0], atol=1e-6)
    image = triton.InferInput("image", list(pixels.shape), "UINT8")
    image.set_data_from_numpy(pixels)
    everything = client.infer("colours", [image], model_version="1", timeout=5_000_000)
    assert everything.as_numpy("embedding").shape == (2, 3)
    pending = client.async_infer("colours", [image])
    assert pending.get_result().as_numpy("logits").shape == (2, 3)


def infer_encoded(client: triton.InferenceServerClient, data: bytes) -> None:
    """The image as it is on disk, in a tensor of BYTES."""
    image = triton.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([data], dtype=object))
    probabilities = client.infer("colours", [image]).as_numpy("probabilities")
    assert probabilities.argmax() == 0


def classify(client: triton.InferenceServerClient) -> None:
    """The classification extension: "score:index:label"."""
    image = triton.InferInput("image", [1, 16, 16, 3], "UINT8")
    image.set_data_from_numpy(np.full((1, 16, 16, 3), (10, 250, 10), np.uint8))
    for binary in (True, False):
        wanted = triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=2)
        best = client.infer("colours", [image], outputs=[wanted]).as_numpy("probabilities")
        assert best.shape == (1, 2)
        text = best[0, 0].decode() if isinstance(best[0, 0], bytes) else best[0, 0]
        assert text.split(":")[1:] == ["1", "green"]


def err_as_triton_does(client: triton.InferenceServerClient) -> None:
    """An error arrives as the client's own exception with our message."""
    image = triton.InferInput("image", [1, 8, 8, 3], "UINT8")
    image.set_data_from_numpy(np.zeros((1, 8, 8, 3), np.uint8))
    for model, status, words in (("colours", "400", "shape"), ("nobody", "404", "no model")):
        try:
            client.infer(model, [image])
        except InferenceServerException as err:
            assert err.status() == status, err.status()
            assert words in err.message(), err.message()
        else:
            raise AssertionError(f"{model} answered")


def count(client: triton.InferenceServerClient) -> None:
    """Statistics add up to what was asked above."""
    (stats,) = client.get_inference_statistics("colours")["model_stats"]
    assert stats["inference_count"] >= 15, stats
    assert stats["inference_stats"]["success"]["count"] >= 9, stats
    assert client.get_inference_statistics()["model_stats"]


def unload_and_load(client: triton.InferenceServerClient, headers: dict[str, str]) -> None:
    """The repository extension; it needs an admin key."""
    try:
        client.unload_model("colours")
    except InferenceServerException as err:
        assert err.status() == "401", err.status()
    else:
        raise AssertionError("a model was unloaded without a key")
    client.unload_model("colours", headers=headers)
    assert not client.is_model_ready("colours")
    client.load_model("colours", headers=headers)
    assert client.is_model_ready("colours")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).read_bytes(), sys.argv[3])
