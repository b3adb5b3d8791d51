"""ONNX Runtime: options, hardware, and the truth about what the session got.

The only module that imports onnxruntime. `onnxruntime.get_available_providers()` lists what the
wheel was built with, not what the machine has, and a session that cannot have CUDA falls back to the
CPU without an exception. So the provider is asked of the session after its creation.
"""

import ctypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from inference.batch_buffers import BatchBuffers, Pixels
from inference.errors import ProviderUnavailable, SessionError

Provider = Literal["auto", "tensorrt", "cuda", "cpu"]

INPUT_NAME: Final = "image"

_EXECUTION_PROVIDERS: Final = {
    "tensorrt": ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
    "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    "cpu": ["CPUExecutionProvider"],
}
_GPU_PROVIDERS: Final = frozenset({"tensorrt", "cuda"})
# EXHAUSTIVE, the default, spends up to a second on every new batch size.
_CUDA_OPTIONS: Final = {"cudnn_conv_algo_search": "HEURISTIC"}
# ONNX Runtime's exceptions share no base of their own.
_ORT_FAILURES: Final = tuple(
    error
    for error in vars(ort_errors).values()
    if isinstance(error, type) and issubclass(error, Exception)
)
_NO_FOLDER: Final = os.path.join(os.devnull, "external-data-is-refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """Where and how a model runs.

    Attributes:
        provider: "auto" takes CUDA where a driver answers, else the CPU.
        require_gpu: refuse to run on the CPU.
        intra_op_threads: threads for one batch; 0 lets ONNX Runtime take one a core.
    """

    provider: Provider = "auto"
    require_gpu: bool = False
    intra_op_threads: int = 0

    def __post_init__(self) -> None:
        if self.provider != "auto" and self.provider not in _EXECUTION_PROVIDERS:
            choices = ["auto", *_EXECUTION_PROVIDERS]
            raise ValueError(f"provider {self.provider!r} is not one of {choices}")
        if self.intra_op_threads < 0:
            raise ValueError(f"intra_op_threads must be 0 or more, got {self.intra_op_threads}")
        if self.require_gpu and self.provider == "cpu":
            raise ValueError("provider 'cpu' and require_gpu contradict each other")


@dataclass(frozen=True, slots=True)
class ModelSession:
    """A loaded model.

    Attributes:
        provider: what it really runs on: "tensorrt", "cuda" or "cpu".
        intra_op_threads: threads for one batch; 0 is one a core.
    """

    _session: ort.InferenceSession
    provider: str
    intra_op_threads: int = 0
    _buffers: BatchBuffers = field(default_factory=BatchBuffers)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The ONNX file's metadata properties."""
        metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        return metadata

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the graph's outputs."""
        return tuple(output.name for output in self._session.get_outputs())

    def run(
        self, images: Pixels | Sequence[Pixels], outputs: Sequence[str]
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Run one batch and return the named outputs.

        Args:
            images: (N, H, W, 3) uint8 RGB, or N images of (H, W, 3).
            outputs: names of outputs of the graph.

        Raises:
            SessionError: ONNX Runtime refused the batch.
        """
        with self._buffers.batch(images) as batch:
            try:
                values = self._session.run(list(outputs), {INPUT_NAME: batch})
            except _ORT_FAILURES as err:
                raise SessionError(f"the model failed on a batch of shape {batch.shape}") from err
        return dict(zip(outputs, values, strict=True))


def open_session(model: bytes, config: SessionConfig) -> ModelSession:
    """Load an ONNX model from memory. A model whose weights lie in another file is refused.

    Raises:
        SessionError: the bytes are no model that ONNX Runtime can run.
        ProviderUnavailable: the session did not get the hardware that `config` demands.
    """
    wanted = _resolve(config.provider)
    try:
        session = ort.InferenceSession(
            model,
            sess_options=_options(config),
            providers=_with_options(_EXECUTION_PROVIDERS[wanted]),
            enable_fallback=0,
        )
    except _ORT_FAILURES as err:
        raise SessionError(
            "ONNX Runtime cannot load the model; the file is damaged, needs another version, "
            "or keeps its weights in a second file"
        ) from err
    got = _provider_of(session)
    if (config.provider != "auto" and got != wanted) or (config.require_gpu and got == "cpu"):
        asked = "a GPU" if config.require_gpu else repr(config.provider)
        raise ProviderUnavailable(
            f"the model was to run on {asked} but ONNX Runtime gave {got!r}; check the NVIDIA driver "
            "and install the 'gpu' extra, or set the provider to 'cpu'"
        )
    return ModelSession(session, got, config.intra_op_threads)


def _resolve(provider: Provider) -> str:
    if provider == "auto":
        built_with = ort.get_available_providers()
        usable = "CUDAExecutionProvider" in built_with and _driver_answers()
        provider = "cuda" if usable else "cpu"
    if provider in _GPU_PROVIDERS and hasattr(ort, "preload_dlls"):
        # Finds the CUDA and cuDNN libraries that pip installed; prints, never raises.
        ort.preload_dlls()
    return provider


def _driver_answers() -> bool:
    """Ask the CUDA driver itself, so that a machine without one sees no red log lines."""
    library = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return False
    count = ctypes.c_int(0)
    initialised = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return initialised and count.value > 0


def _options(config: SessionConfig) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = config.intra_op_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads eat the cores that decode the next images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Left unset, weights would be looked for in the working directory of the process.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", _NO_FOLDER
    )
    return options


def _with_options(providers: list[str]) -> list[str | tuple[str, dict[str, Any]]]:
    return [
        (name, _CUDA_OPTIONS) if name == "CUDAExecutionProvider" else name for name in providers
    ]


def _provider_of(session: ort.InferenceSession) -> str:
    first = session.get_providers()[0]
    return next(name for name, chain in _EXECUTION_PROVIDERS.items() if chain[0] == first)
