"""OpenVINO: runs the same `model.onnx` on a CPU, in bfloat16 where the processor multiplies it.

The only module that imports openvino, and imported only where that is used. A model is first opened by
ONNX Runtime: one and the same library says what a file holds, and refuses weights in a second file, which
OpenVINO would read.
"""

import io
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from inference.batch_buffers import Pixels
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
# A batch is run in pieces of these sizes, each by a graph that was compiled for it: 1.1 times as fast as by
# one for any size (EfficientNet-Lite0, two Zen 4 cores). Pieces of 4 gain nothing more, and take 50 MB.
_PIECES: Final = (2, 1)
_REPORTER: Final = "openvino_telemetry"
_FAILURES: Final = (RuntimeError, ValueError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenVinoSession:
    """A model that OpenVINO runs; see `ModelSession`.

    Attributes:
        run_limit_s: see `SessionConfig`.
    """

    _graphs: "_Graphs"
    _content: FileContent
    intra_op_threads: int
    run_limit_s: float | None = None
    _idle: "defaultdict[int, list[openvino.InferRequest]]" = field(
        default_factory=lambda: defaultdict(list)
    )
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
        ends = None if limit_s is None else started + limit_s
        try:
            found = [self._run_piece(piece, outputs, ends) for piece in _pieces(images)]
        except (*_FAILURES, KeyError) as err:
            raise failed_run(images, started=started, limit_s=limit_s) from err
        if len(found) == 1:
            return found[0]
        return {name: np.concatenate([piece[name] for piece in found]) for name in outputs}

    def _run_piece(
        self, images: Pixels | Sequence[Pixels], outputs: Sequence[str], ends: float | None
    ) -> dict[str, npt.NDArray[np.float32]]:
        left_s = None if ends is None else ends - time.monotonic()
        if left_s is not None and left_s <= 0:
            raise RuntimeError("the pieces before took all the time")
        with self._request(len(images)) as request, TimeLimit(left_s, request.cancel):
            # By hand: `infer` with arrays takes twice as long in Python, under its lock.
            for image, place in zip(images, request.get_tensor(INPUT_NAME).data, strict=True):
                if (
                    image.shape != place.shape or image.dtype != place.dtype
                ):  # it would be converted
                    raise ValueError(image.shape, image.dtype)
                place[...] = image
            # Not `start_async` and `wait`: that goes through one more thread, which must get a core first.
            request.infer(share_outputs=True)
            # Copied: the request's next piece overwrites them.
            return {name: np.array(request.get_tensor(name).data) for name in outputs}

    @contextmanager
    def _request(self, size: int) -> "Iterator[openvino.InferRequest]":
        """Give a request that nobody else has: each holds one piece. One that failed is not used again."""
        with self._lock:
            idle = self._idle[size]
            request = idle.pop() if idle else None
        request = request or self._graphs.compiled(size).create_infer_request()
        yield request
        with self._lock:
            self._idle[size].append(request)


def _pieces(images: Pixels | Sequence[Pixels]) -> Iterator[Pixels | Sequence[Pixels]]:
    """Yield the parts of a batch, as few as may be."""
    at = 0
    while at < len(images):
        size = next(size for size in _PIECES if size <= len(images) - at)
        yield images[at : at + size]
        at += size


class _Graphs:
    """One graph, compiled for batches of each size when the first one comes. Safe for several threads."""

    def __init__(self, graph: "openvino.Model", options: Mapping[str, object]) -> None:
        self._graph = graph
        self._options = options
        self._by_size: dict[int, openvino.CompiledModel] = {}
        self._lock = threading.Lock()

    def compiled(self, size: int) -> "openvino.CompiledModel":
        """Return it for batches of so many images.

        Raises:
            RuntimeError: OpenVINO cannot compile it.
        """
        with self._lock:
            if size not in self._by_size:
                graph = self._graph.clone()
                shape = graph.input(INPUT_NAME).get_partial_shape()
                shape[0] = size
                graph.reshape({INPUT_NAME: shape})
                self._by_size[size] = _core().compile_model(graph, "CPU", self._options)
            return self._by_size[size]


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
        graphs = _Graphs(graph, options)
        got = graphs.compiled(1).get_property("INFERENCE_PRECISION_HINT")
    except _FAILURES as err:
        raise SessionError("OpenVINO cannot load the model; ask for fp32") from err
    if got != precision:
        raise ProviderUnavailable(
            f"OpenVINO computes in {got.to_string()} on this processor, not in "
            f"{precision.to_string()}; ask for fp32"
        )
    return OpenVinoSession(
        _graphs=graphs,
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
