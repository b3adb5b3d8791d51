"""The seam to what runs a model: ONNX Runtime, or for bfloat16 on a CPU OpenVINO, from the same file."""

from inference.errors import ProviderUnavailable, SessionError
from inference.manifest import Precision
from inference.model_session import ModelSession
from inference.onnxruntime_session import open_onnxruntime
from inference.providers import GPU_PROVIDERS, OPENVINO, resolve_provider
from inference.session_config import DEFAULT_ENGINE_CACHE, INPUT_NAME, SessionConfig

__all__ = [
    "DEFAULT_ENGINE_CACHE",
    "INPUT_NAME",
    "ModelSession",
    "SessionConfig",
    "expects_gpu",
    "open_session",
]


def open_session(
    model: bytes, config: SessionConfig, *, precision: Precision = "fp32"
) -> ModelSession:
    """Load an ONNX model from memory. A model whose weights lie in another file is refused.

    Args:
        model: the file.
        config: where and how it runs.
        precision: "bf16" has OpenVINO compute in it; what any other is, is in the file.

    Raises:
        SessionError: the bytes are no model that can be run so.
        ProviderUnavailable: the session did not get the hardware that `config` demands.
    """
    if precision != "bf16" and config.provider != OPENVINO:
        return open_onnxruntime(model, config)
    if config.require_gpu or config.provider in GPU_PROVIDERS:
        raise ProviderUnavailable("bf16 is for the CPU; ask for another precision on a GPU")
    if precision not in ("fp32", "bf16"):
        raise SessionError(
            f"OpenVINO runs fp32 and bf16, not {precision}; set the provider to 'cpu' for it"
        )
    # Only here, so that who does not use it neither needs nor loads it.
    from inference.openvino_session import open_openvino

    return open_openvino(model, config, bfloat16=precision == "bf16")


def expects_gpu(config: SessionConfig) -> bool:
    """Return whether a session is to be on a GPU; only the session itself knows whether it is."""
    return resolve_provider(config.provider) in GPU_PROVIDERS
