"""What the protocol tells of the server and of its models."""

from collections.abc import Mapping
from typing import Any, Final

from inference.manifest import Manifest
from inference.model_session import Runtime
from inference.session import INPUT_NAME
from service import __version__
from service.oip.tensors import FP32, UINT8
from service.repository.registry import ModelRegistry
from service.repository.states import State

SERVER: Final = {
    "name": "graft",
    "version": __version__,
    "extensions": [
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "statistics",
    ],
}
# The protocol's form is PROJECT_FORMAT: both read ONNX files.
_PLATFORMS: Final[Mapping[Runtime, str]] = {
    "onnxruntime": "onnxruntime_onnx",
    "openvino": "openvino_onnx",
}
# The state of a version in the words of the protocol's repository extension.
_REPOSITORY_STATES: Final = {
    State.READY: "READY",
    State.LOADING: "LOADING",
    State.FAILED: "UNAVAILABLE",
    State.INCOMPLETE: "UNAVAILABLE",
    State.AVAILABLE: "UNAVAILABLE",
    State.UNLOADED: "UNAVAILABLE",
}
_REASONS: Final = {State.AVAILABLE: "loaded when a request names it", State.UNLOADED: "unloaded"}


def output_names(manifest: Manifest) -> list[str]:
    """Return the outputs that the model has."""
    return [name for name, spec in manifest.outputs.items() if spec.absent is None]


def model_metadata(manifest: Manifest, versions: list[int], *, runtime: Runtime) -> dict[str, Any]:
    """Describe a model's input and outputs, and what runs it."""
    height, width = manifest.crop_hw
    return {
        "name": manifest.name,
        "versions": [str(version) for version in versions],
        "platform": _PLATFORMS[runtime],
        "inputs": [{"name": INPUT_NAME, "datatype": UINT8, "shape": [-1, height, width, 3]}],
        "outputs": [
            {"name": name, "datatype": FP32, "shape": list(manifest.outputs[name].shape or ())}
            for name in output_names(manifest)
        ],
    }


def model_config(manifest: Manifest, *, max_batch: int, runtime: Runtime) -> dict[str, Any]:
    """Describe a model as Triton's model configuration extension does."""
    height, width = manifest.crop_hw
    dims = [height, width, 3]
    return {
        "name": manifest.name,
        "platform": _PLATFORMS[runtime],
        "backend": runtime,
        "max_batch_size": max_batch,
        "input": [
            {"name": INPUT_NAME, "data_type": "TYPE_UINT8", "format": "FORMAT_NHWC", "dims": dims}
        ],
        "output": [
            {
                "name": name,
                "data_type": "TYPE_FP32",
                "dims": list(manifest.outputs[name].shape or ())[1:],
            }
            for name in output_names(manifest)
        ],
        "dynamic_batching": {},
    }


def repository_index(registry: ModelRegistry, *, ready_only: bool) -> list[dict[str, str]]:
    """List every version with its state and, where it is not ready, the reason."""
    index = []
    for name, model in sorted(registry.catalog.models.items()):
        for number, published in model.versions.items():
            status = registry.status(published)
            if ready_only and status.state is not State.READY:
                continue
            reason = status.problem or _REASONS.get(status.state, "")
            state = _REPOSITORY_STATES[status.state]
            index.append({"name": name, "version": str(number), "state": state, "reason": reason})
    return index
