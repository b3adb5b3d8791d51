"""JPEG in, label out, with Pillow and ONNX Runtime: what every peer runs."""

import io
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image


class Pipeline:
    """One session; `threads` of ONNX Runtime for one run."""

    def __init__(self, model: str, manifest: str, *, threads: int) -> None:
        facts = json.loads(Path(manifest).read_text(encoding="utf-8"))
        self._labels = facts["labels"]
        spec = facts["preprocessing"]
        self._shorter = spec["resize_shorter_px"]
        self._crop = spec["crop_hw"]
        self._filter = Image.Resampling[spec["interpolation"].upper()]
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def decode(self, data: bytes) -> np.ndarray:
        """Return (H, W, 3) uint8 pixels of the model's size."""
        return self.prepare(Image.open(io.BytesIO(data)))

    def prepare(self, opened: Image.Image) -> np.ndarray:
        """Resize and crop an image that Pillow has opened."""
        image = opened.convert("RGB")
        scale = self._shorter / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        image = image.resize(size, self._filter)
        height, width = self._crop
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return np.asarray(image.crop((left, top, left + width, top + height)))

    def run(self, batch: list[np.ndarray]) -> list[dict[str, object]]:
        """Return the label and probability of each image."""
        (found,) = self._session.run(["probabilities"], {"image": np.stack(batch)})
        best = found.argmax(axis=1)
        return [
            {"label": self._labels[index], "probability": float(row[index])}
            for row, index in zip(found, best, strict=True)
        ]

    def answer(self, data: bytes) -> dict[str, object]:
        """Decode and run one image."""
        return self.run([self.decode(data)])[0]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
