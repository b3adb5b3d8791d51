"""ONNX Runtime: options, hardware, and the truth about what the session got.

With `providers.py` and `bound_runs.py` the only module that imports onnxruntime.
`onnxruntime.get_available_providers()` lists what the wheel was built with, not what the machine has,
and a session that cannot have CUDA falls back to the CPU without an exception. So the provider is
asked of the session after its creation.
"""

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from inference.batch_buffers import BatchBuffers, Pixels
from inference.bound_runs import BoundRuns, padded_size
from inference.errors import ProviderUnavailable, SessionError
from inference.model_session import Runtime, failed_run
from inference.pinned import has_gpu
from inference.providers import (
    GPU_PROVIDERS,
    cuda_options,
    find_gpu_libraries,
    provider_list,
    provider_of,
    resolve_provider,
    tensorrt_options,
)
from inference.run_limit import RunLimit
from inference.session_config import INPUT_NAME, SessionConfig

# ONNX Runtime's exceptions share no base of their own.
_ORT_FAILURES: Final[tuple[type[Exception], ...]] = tuple(
    error
    for error in vars(ort_errors).values()
    if isinstance(error, type) and issubclass(error, Exception)
)
# Copies to and from a GPU raise the second.
_RUN_FAILURES: Final[tuple[type[Exception], ...]] = (*_ORT_FAILURES, RuntimeError)
_NOT_LOADED: Final = (
    "ONNX Runtime cannot load the model; the file is damaged, needs another version, "
    "or keeps its weights in a second file"
)
_NO_FOLDER: Final = os.path.join(os.devnull, "external-data-is-refused")


@dataclass(frozen=True, slots=True)
class OnnxRuntimeSession:
    """A model that ONNX Runtime runs; see `ModelSession`.

    Attributes:
        provider: what it really runs on: "tensorrt", "cuda" or "cpu".
        intra_op_threads: threads for one batch; 0 is one a core, and a GPU needs 1.
        run_limit_s: see `SessionConfig`.
    """

    _session: ort.InferenceSession
    provider: str
    intra_op_threads: int = 0
    _bound: BoundRuns | None = None
    _buffers: BatchBuffers = field(default_factory=BatchBuffers)
    run_limit_s: float | None = None

    @property
    def runtime(self) -> Runtime:
        """What runs it."""
        return "onnxruntime"

    @property
    def on_gpu(self) -> bool:
        """Whether it runs on a GPU."""
        return self.provider in GPU_PROVIDERS

    @property
    def metadata(self) -> Mapping[str, str]:
        """The ONNX file's metadata properties."""
        metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        return metadata

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the graph's outputs."""
        return tuple(output.name for output in self._session.get_outputs())

    @property
    def inputs(self) -> tuple[tuple[str, str, int], ...]:
        """Name, ONNX Runtime's type and number of dimensions of each of the graph's inputs."""
        return tuple((x.name, x.type, len(x.shape or ())) for x in self._session.get_inputs())

    def run(
        self,
        images: Pixels | Sequence[Pixels],
        outputs: Sequence[str],
        *,
        limit_s: float | None = None,
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Run one batch and return the named outputs.

        Args:
            images: (N, H, W, 3) uint8 RGB, or N images of (H, W, 3).
            outputs: names of outputs of the graph.
            limit_s: how long it may take; None is the session's own limit.

        Raises:
            SessionError: ONNX Runtime refused the batch, or it took too long.
        """
        limit_s = self.run_limit_s if limit_s is None else limit_s
        started = time.monotonic()
        try:
            if self._bound is not None:
                return self._bound.run(images, outputs, limit_s=limit_s)
            with self._buffers.batch(images) as batch, RunLimit(limit_s) as limit:
                values = self._session.run(list(outputs), {INPUT_NAME: batch}, limit.options)
        except _RUN_FAILURES as err:
            raise failed_run(images, started=started, limit_s=limit_s) from err
        return dict(zip(outputs, values, strict=True))


def open_onnxruntime(model: bytes, config: SessionConfig) -> OnnxRuntimeSession:
    """Load an ONNX model from memory. A model whose weights lie in another file is refused.

    Raises:
        SessionError: the bytes are no model that ONNX Runtime can run.
        ProviderUnavailable: the session did not get the hardware that `config` demands.
    """
    _check_gpu(config)
    wanted = resolve_provider(config.provider)
    if wanted in GPU_PROVIDERS:
        find_gpu_libraries()
    try:
        session = ort.InferenceSession(
            model,
            sess_options=_options(config, on_gpu=wanted in GPU_PROVIDERS),
            providers=provider_list(wanted, _provider_options(model, wanted, config)),
            enable_fallback=0,
        )
    except _RUN_FAILURES as err:
        if wanted == "tensorrt":  # without its libraries there is no falling back
            raise ProviderUnavailable(
                "TensorRT cannot load the model: install its libraries, or set the provider to 'cuda'"
            ) from err
        raise SessionError(_NOT_LOADED) from err
    got = provider_of(session)
    if (config.provider != "auto" and got != wanted) or (config.require_gpu and got == "cpu"):
        asked = "a GPU" if config.require_gpu else repr(config.provider)
        raise ProviderUnavailable(
            f"the model was to run on {asked} but ONNX Runtime gave {got!r}; check the NVIDIA driver "
            "and install the 'gpu' extra, or set the provider to 'cpu'"
        )
    if got == "cpu":
        return OnnxRuntimeSession(
            session, got, config.intra_op_threads, run_limit_s=config.run_limit_s
        )
    bound = BoundRuns(session, input_name=INPUT_NAME, device="cuda", graphs=config.cuda_graphs)
    return OnnxRuntimeSession(session, got, 1, bound, run_limit_s=config.run_limit_s)


def _check_gpu(config: SessionConfig) -> None:
    """Refuse to look for a GPU where there is none: ONNX Runtime would print its own errors about it.

    Raises:
        ProviderUnavailable: a GPU is demanded and no driver answers.
    """
    if (config.require_gpu or config.provider in GPU_PROVIDERS) and not has_gpu():
        asked = (
            "a GPU is required" if config.require_gpu else f"the provider is {config.provider!r}"
        )
        raise ProviderUnavailable(
            f"{asked}, but no NVIDIA driver with a GPU answers on this machine (try nvidia-smi); install "
            "the driver, or set the provider to 'cpu'"
        )


def _options(config: SessionConfig, *, on_gpu: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1 if on_gpu else config.intra_op_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads eat the cores that decode the next images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Left unset, weights would be looked for in the working directory of the process.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", _NO_FOLDER
    )
    return options


def _provider_options(
    model: bytes, wanted: str, config: SessionConfig
) -> dict[str, dict[str, str]]:
    options: dict[str, dict[str, str]] = {}
    if wanted in GPU_PROVIDERS:
        options["CUDAExecutionProvider"] = cuda_options(graphs=config.cuda_graphs)
    if wanted == "tensorrt":
        engine_dir = config.engine_cache_dir / hashlib.sha256(model).hexdigest()[:16]
        engine_dir.mkdir(parents=True, exist_ok=True)
        options["TensorrtExecutionProvider"] = tensorrt_options(
            engine_dir=engine_dir,
            input_name=INPUT_NAME,
            image_shape=_image_shape(model),
            # Batches are padded to powers of two.
            max_batch=padded_size(config.max_batch),
            graphs=config.cuda_graphs,
        )
    return options


def _image_shape(model: bytes) -> tuple[int, ...]:
    """Return (H, W, 3) of a model's input, as a session on the CPU tells."""
    return tuple(_unoptimised(model).get_inputs()[0].shape[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """What a model file says of itself; see `ModelSession`."""

    metadata: Mapping[str, str]
    output_names: tuple[str, ...]
    inputs: tuple[tuple[str, str, int], ...]


def read_content(model: bytes) -> FileContent:
    """Return what a model file says of itself, for another runtime.

    Raises:
        SessionError: as `open_onnxruntime`.
    """
    try:
        session = OnnxRuntimeSession(_unoptimised(model), "cpu")
    except _ORT_FAILURES as err:
        raise SessionError(_NOT_LOADED) from err
    return FileContent(
        metadata=session.metadata, output_names=session.output_names, inputs=session.inputs
    )


def _unoptimised(model: bytes) -> ort.InferenceSession:
    options = _options(SessionConfig(provider="cpu"), on_gpu=False)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])
