"""Runs with input and outputs that stay where they are on the device: what a GPU needs to be quick.

Images are assembled in page-locked memory, copied to the device in one piece, and run in a batch of
1, 2, 4, … images, the rest of which is padding: a GPU plans anew for every batch size that it has
not seen. Input and outputs of each size keep their addresses, which CUDA graphs depend on.

Works on any device of ONNX Runtime, the CPU included, where there is nothing to gain.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from inference.batch_buffers import Pixels
from inference.errors import SessionError
from inference.pinned import pinned_array
from inference.run_limit import RunLimit

_GRAPH_ID: Final = "gpu_graph_id"
_NO_GRAPH: Final = "-1"

Outputs = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What a lane is made for."""

    size: int
    image_shape: tuple[int, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lane:
    """Memory for one batch at a time: `host` is copied to `image`; the outputs are overwritten."""

    host: Pixels
    image: ort.OrtValue
    binding: ort.IOBinding
    outputs: dict[str, ort.OrtValue]
    options: ort.RunOptions | None


class BoundRuns:
    """See the module. Safe for several threads: each batch that runs has a lane of its own.

    With CUDA graphs one batch runs at a time, for a graph replays on its own addresses only.
    """

    def __init__(
        self, session: ort.InferenceSession, *, input_name: str, device: str, graphs: bool
    ) -> None:
        self._session = session
        self._input_name = input_name
        self._device = device
        self._graphs = graphs
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock() if graphs else nullcontext()
        self._free: defaultdict[_Key, list[_Lane]] = defaultdict(list)
        self._num_lanes = 0
        self._image_shape = tuple(session.get_inputs()[0].shape[1:])

    def run(
        self,
        images: Pixels | Sequence[Pixels],
        outputs: Sequence[str],
        *,
        limit_s: float | None = None,
    ) -> Outputs:
        """Run N images of (H, W, 3) uint8 and return the named outputs, N rows each.

        It is ended after `limit_s`, where that is given.

        Raises:
            SessionError: the images are not of the model's size or type.
        """
        count = len(images)
        if any(image.shape != self._image_shape or image.dtype != np.uint8 for image in images):
            raise SessionError(f"the model failed on a batch of shape {(count, *images[0].shape)}")
        key = _Key(size=padded_size(count), image_shape=images[0].shape, outputs=tuple(outputs))
        with self._one_at_a_time, self._lane(key, limit_s) as lane:
            np.stack(list(images), out=lane.host[:count])
            lane.image.update_inplace(lane.host)
            with RunLimit(limit_s, lane.options) as limit:
                self._session.run_with_iobinding(lane.binding, limit.options)
            # Copied: the next batch overwrites them.
            return {name: value.numpy()[:count].copy() for name, value in lane.outputs.items()}

    @contextmanager
    def _lane(self, key: _Key, limit_s: float | None) -> Iterator[_Lane]:
        with self._lock:
            lane = self._free[key].pop() if self._free[key] else None
        if lane is None:
            lane = self._make_lane(key, limit_s)
        yield lane  # a lane whose run failed is not used again
        with self._lock:
            self._free[key].append(lane)

    def _make_lane(self, key: _Key, limit_s: float | None) -> _Lane:
        """Run once, for ONNX Runtime to make the outputs, and bind them for good."""
        shape = (key.size, *key.image_shape)
        host, _ = pinned_array(shape)
        host.fill(0)
        image = ort.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, self._device, 0)
        image.update_inplace(host)
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(self._input_name, image)
        for name in key.outputs:
            binding.bind_output(name, self._device, 0)
        with RunLimit(limit_s, self._options(_NO_GRAPH)) as limit:
            self._session.run_with_iobinding(binding, limit.options)
        made = dict(zip(key.outputs, binding.get_outputs(), strict=True))
        binding.clear_binding_outputs()
        for name, value in made.items():
            binding.bind_ortvalue_output(name, value)
        with self._lock:
            self._num_lanes += 1
            options = self._options(str(self._num_lanes))
        return _Lane(host=host, image=image, binding=binding, outputs=made, options=options)

    def _options(self, graph_id: str) -> ort.RunOptions | None:
        if not self._graphs:
            return None
        options = ort.RunOptions()
        options.add_run_config_entry(_GRAPH_ID, graph_id)
        return cast("ort.RunOptions", options)


def padded_size(count: int) -> int:
    """Return the next power of two."""
    return 1 << (count - 1).bit_length()
