"""The seam to what runs a model: ONNX Runtime, or for bfloat16 on a CPU OpenVINO, from the same file."""

from inference.errors import ProviderUnavailable
from inference.manifest import Precision
from inference.model_session import ModelSession
from inference.onnxruntime_session import open_onnxruntime
from inference.precision import INSTALL_OPENVINO, has_openvino, why_not_bfloat16
from inference.providers import GPU_PROVIDERS, OPENVINO, resolve_provider
from inference.session_config import DEFAULT_ENGINE_CACHE, INPUT_NAME, SessionConfig

__all__ = [
    "DEFAULT_ENGINE_CACHE",
    "INPUT_NAME",
    "ModelSession",
    "SessionConfig",
    "expects_gpu",
    "open_session",
    "why_never_run",
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
        ProviderUnavailable: the session did not get the hardware that `config` demands, or the precision
            cannot be run there.
    """
    if (why := why_never_run(precision, config)) is not None:
        raise ProviderUnavailable(f"{precision} cannot be run here: {why}")
    if precision != "bf16" and config.provider != OPENVINO:
        return open_onnxruntime(model, config)
    # Only here, so that who does not use it neither needs nor loads it.
    from inference.openvino_session import open_openvino

    return open_openvino(model, config, bfloat16=precision == "bf16")


def why_never_run(precision: Precision, config: SessionConfig) -> str | None:
    """Return why no model is run in a precision with this hardware and provider; None where one may be."""
    if precision == "bf16":
        if config.require_gpu or config.provider in GPU_PROVIDERS:
            return "it is for CPUs, and a GPU is asked for"
        return why_not_bfloat16()
    if config.provider == OPENVINO and not has_openvino():
        return INSTALL_OPENVINO
    if config.provider == OPENVINO and precision != "fp32":
        return f"the provider {OPENVINO!r} runs fp32 and bf16 alone; 'cpu' runs {precision}"
    return None


def expects_gpu(config: SessionConfig) -> bool:
    """Return whether a session is to be on a GPU; only the session itself knows whether it is."""
    return resolve_provider(config.provider) in GPU_PROVIDERS
