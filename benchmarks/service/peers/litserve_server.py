"""LitServe with its batching, a worker a core; images as base64 JSON, as its documentation shows."""

import base64
import sys

import litserve as ls
import numpy as np
from pipeline import Pipeline, cores


class ImageApi(ls.LitAPI):
    """One worker's model."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self.pipeline = Pipeline(sys.argv[1], sys.argv[2], threads=1)

    def decode_request(self, request: dict[str, str]) -> np.ndarray:
        """Decode an image."""
        return self.pipeline.decode(base64.b64decode(request["image"]))

    def batch(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """Keep the batch as it is."""
        return inputs

    def predict(self, x: list[np.ndarray]) -> list[dict[str, object]]:
        """Run a batch."""
        return self.pipeline.run(x)

    def unbatch(self, output: list[dict[str, object]]) -> list[dict[str, object]]:
        """Keep the answers as they are."""
        return output

    def encode_response(self, output: dict[str, object]) -> dict[str, object]:
        """Answer."""
        return output


if __name__ == "__main__":
    api = ImageApi(max_batch_size=8, batch_timeout=0.002)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=cores(), timeout=30)
    server.run(
        host="127.0.0.1", port=int(sys.argv[3]), generate_client_file=False, log_level="warning"
    )
