"""OpenVINO: runs the same `model.onnx` on a CPU, in bfloat16 where the processor multiplies it.

The only module that imports openvino, and imported only where that is used. A model is first opened by
ONNX Runtime: one and the same library says what a file holds, and refuses weights in a second file, which
OpenVINO would read.
"""

import io
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from inference.batch_buffers import BatchBuffers, Pixels
from inference.cores import usable_cores
from inference.errors import ProviderUnavailable, SessionError
from inference.model_session import Runtime, failed_run
from inference.onnxruntime_session import FileContent, read_content
from inference.precision import INSTALL_OPENVINO
from inference.providers import OPENVINO
from inference.run_limit import TimeLimit
from inference.session_config import INPUT_NAME, SessionConfig

if TYPE_CHECKING:
    import openvino


# What runs a graph within the graph, which `cancel` does not reach.
_LOOPS: Final = frozenset({"If", "Loop", "TensorIterator"})
_REPORTER: Final = "openvino_telemetry"
_FAILURES: Final = (RuntimeError, ValueError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenVinoSession:
    """A model that OpenVINO runs; see `ModelSession`.

    Attributes:
        run_limit_s: see `SessionConfig`.
    """

    _compiled: "openvino.CompiledModel"
    _content: FileContent
    intra_op_threads: int
    run_limit_s: float | None = None
    _buffers: BatchBuffers = field(default_factory=BatchBuffers)
    _idle: "list[openvino.InferRequest]" = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def provider(self) -> str:
        """Always "openvino"."""
        return OPENVINO

    @property
    def runtime(self) -> Runtime:
        """What runs it."""
        return "openvino"

    @property
    def on_gpu(self) -> bool:
        """Never."""
        return False

    @property
    def metadata(self) -> Mapping[str, str]:
        """The ONNX file's metadata properties."""
        return self._content.metadata

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the graph's outputs."""
        return self._content.output_names

    @property
    def inputs(self) -> tuple[tuple[str, str, int], ...]:
        """Name, ONNX Runtime's type and number of dimensions of each of the graph's inputs."""
        return self._content.inputs

    def run(
        self,
        images: Pixels | Sequence[Pixels],
        outputs: Sequence[str],
        *,
        limit_s: float | None = None,
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Run one batch and return the named outputs; see `ModelSession.run`.

        Raises:
            SessionError: OpenVINO refused the batch, or it took too long.
        """
        limit_s = self.run_limit_s if limit_s is None else limit_s
        started = time.monotonic()
        try:
            with (
                self._buffers.batch(images) as batch,
                self._request() as request,
                TimeLimit(limit_s, request.cancel),
            ):
                if batch.dtype != np.uint8:  # it would be converted
                    raise TypeError(batch.dtype)
                pixels = np.ascontiguousarray(batch)
                found = request.infer({INPUT_NAME: pixels}, share_inputs=True, share_outputs=True)
                # Copied: the request's next batch overwrites them.
                return {name: np.array(found[name]) for name in outputs}
        except (*_FAILURES, KeyError) as err:
            raise failed_run(images, started=started, limit_s=limit_s) from err

    @contextmanager
    def _request(self) -> "Iterator[openvino.InferRequest]":
        """Give a request that nobody else has: each holds one batch. One that failed is not used again."""
        with self._lock:
            request = self._idle.pop() if self._idle else None
        request = request or self._compiled.create_infer_request()
        yield request
        with self._lock:
            self._idle.append(request)


def open_openvino(model: bytes, config: SessionConfig, *, bfloat16: bool) -> OpenVinoSession:
    """Load an ONNX model from memory, to compute in bfloat16 or in float32.

    Raises:
        SessionError: the bytes are no model that OpenVINO can run.
        ProviderUnavailable: OpenVINO is not installed, or computes otherwise on this processor.
    """
    content = read_content(model)
    ov = load_openvino()
    precision = ov.Type.bf16 if bfloat16 else ov.Type.f32
    cores = usable_cores()
    threads = min(config.intra_op_threads or cores, cores)
    streams = max(1, cores // threads)
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        # One stream for each batch that the cores can run beside others.
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": threads * streams,
        # Two models would be pinned to the same cores, and the images decoded on them too.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        graph = _core().read_model(model=io.BytesIO(model))
        if loops := sorted(_LOOPS.intersection(node.get_type_name() for node in graph.get_ops())):
            raise SessionError(
                f"the graph has {', '.join(loops)}, which OpenVINO cannot be made to end; "
                "ONNX Runtime runs it: ask for fp32"
            )
        compiled = _core().compile_model(graph, "CPU", options)
        got = compiled.get_property("INFERENCE_PRECISION_HINT")
    except _FAILURES as err:
        raise SessionError("OpenVINO cannot load the model; ask for fp32") from err
    if got != precision:
        raise ProviderUnavailable(
            f"OpenVINO computes in {got.to_string()} on this processor, not in "
            f"{precision.to_string()}; ask for fp32"
        )
    return OpenVinoSession(
        _compiled=compiled,
        _content=content,
        intra_op_threads=config.intra_op_threads,
        run_limit_s=config.run_limit_s,
    )


@cache
def load_openvino() -> Any:
    """Import openvino without what reports its import to its maker.

    Raises:
        ProviderUnavailable: it is not installed, or not for this machine.
    """
    other = sys.modules.get(_REPORTER)
    if other is None:
        sys.modules[_REPORTER] = None  # type: ignore[assignment]  # "not installed", to importers
    try:
        import openvino
    except (ImportError, OSError) as err:
        raise ProviderUnavailable(INSTALL_OPENVINO) from err
    finally:
        if other is None:
            del sys.modules[_REPORTER]
    return openvino


@cache
def _core() -> "openvino.Core":
    """Return the one of this process: it finds the plug-ins. It keeps nothing on the disk."""
    return load_openvino().Core()
