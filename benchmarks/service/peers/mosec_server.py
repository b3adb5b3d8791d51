"""mosec: a worker a core, its dynamic batching on, raw bytes in."""

import json
import os
import sys

import numpy as np
from mosec import Server, ValidationError, Worker
from pipeline import Pipeline, cores


class Classify(Worker):
    """One worker's model."""

    def __init__(self) -> None:
        self.pipeline = Pipeline(os.environ["MODEL"], os.environ["MANIFEST"], threads=1)

    def deserialize(self, data: bytes) -> np.ndarray:
        """Decode an image."""
        try:
            return self.pipeline.decode(data)
        except OSError as err:
            raise ValidationError("not an image") from err

    def forward(self, data: list[np.ndarray]) -> list[dict[str, object]]:
        """Run a batch."""
        return self.pipeline.run(data)

    def serialize(self, data: dict[str, object]) -> bytes:
        """Answer."""
        return json.dumps(data).encode()


if __name__ == "__main__":
    # Its workers import this file anew: what they need is in the environment, and mosec reads `sys.argv`.
    os.environ["MODEL"], os.environ["MANIFEST"], port = sys.argv[1:4]
    sys.argv[1:] = ["--port", port, "--address", "127.0.0.1", "--timeout", "30000"]
    server = Server()
    server.append_worker(Classify, num=cores(), max_batch_size=8, max_wait_time=2)
    server.run()
