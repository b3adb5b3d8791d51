"""The versions of the libraries that a run's result depends on."""

import platform
from importlib import metadata
from typing import Final

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


def library_versions() -> dict[str, str]:
    """Return the version of Python and of each library that a result depends on."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # one of the two builds of ONNX Runtime is always absent
    return versions
