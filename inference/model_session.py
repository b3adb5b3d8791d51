"""What every runtime gives for a loaded model."""

import time
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from inference.batch_buffers import Pixels
from inference.errors import SessionError

Runtime = Literal["onnxruntime", "openvino"]


class ModelSession(Protocol):
    """A loaded model. Safe for several threads.

    Attributes:
        provider: what it really runs on: "tensorrt", "cuda", "cpu", or "openvino", on the CPU too.
        intra_op_threads: threads for one batch; 0 is one a core, and a GPU needs 1.
        runtime: which library runs it.
        on_gpu: whether it runs on a GPU.
        metadata: the ONNX file's metadata properties.
        output_names: the names of the graph's outputs.
        inputs: name, ONNX Runtime's type and number of dimensions of each of the graph's inputs.
    """

    @property
    def provider(self) -> str: ...
    @property
    def intra_op_threads(self) -> int: ...
    @property
    def runtime(self) -> Runtime: ...
    @property
    def on_gpu(self) -> bool: ...
    @property
    def metadata(self) -> Mapping[str, str]: ...
    @property
    def output_names(self) -> tuple[str, ...]: ...
    @property
    def inputs(self) -> tuple[tuple[str, str, int], ...]: ...

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
            SessionError: the runtime refused the batch, or it took too long.
        """
        ...


def failed_run(
    images: Pixels | Sequence[Pixels], *, started: float, limit_s: float | None
) -> SessionError:
    """Return the error for a run that began at `started` of the monotonic clock and failed now."""
    shape = (len(images), *images[0].shape) if len(images) else (0,)
    if limit_s is not None and time.monotonic() - started >= limit_s:
        return SessionError(f"the model was ended after {limit_s:g} s on a batch of shape {shape}")
    return SessionError(f"the model failed on a batch of shape {shape}")
