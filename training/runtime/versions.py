"""What makes a run repeatable: seeds, and the versions of what it ran on."""

import platform
from importlib import metadata
from typing import Final

import torch

_LIBRARIES: Final = (
    "torch",
    "torchvision",
    "timm",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "onnxruntime-gpu",
    "scikit-learn",
    "numpy",
    "pillow",
)


def seed_torch(seed: int) -> None:
    """Seed torch's generators; everything else draws from generators of its own."""
    torch.manual_seed(seed)


def library_versions() -> dict[str, str]:
    """Return the version of Python and of each library that a result depends on."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # one of the two builds of ONNX Runtime is always absent
    return versions
