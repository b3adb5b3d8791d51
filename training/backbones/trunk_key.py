"""What an exported trunk depends on: its backbone's options, the weights, the exporter's libraries."""

import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Final

from training.config import FinetuneConfig

# Raised whenever this project exports a trunk in another way.
_EXPORT_VERSION: Final = 1
_LIBRARIES: Final = ("torch", "torchvision", "timm", "onnx", "onnxscript", "onnx-ir")


def request_key(config: FinetuneConfig) -> str:
    """Return what tells a request for a trunk from all others, whatever its weights turn out to be."""
    return _digest(
        {
            "export": _EXPORT_VERSION,
            "libraries": {name: _version(name) for name in _LIBRARIES},
            "backbone": config.backbone,
            "weights": config.weights
            if config.weights in ("auto", "none")
            else str(Path(config.weights).resolve()),
            "image_size": config.image_size,
            "mean": config.mean,
            "std": config.std,
            "backbone_args": config.backbone_args,
        }
    )


def trunk_key(config: FinetuneConfig, *, weights_sha256: str) -> str:
    """Return the key of the trunk that these options and weights give."""
    return _digest({"request": request_key(config), "weights": weights_sha256})


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _digest(value: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
