"""Memory for batches that is taken once and used again: a fresh array costs a page fault every 4 KiB."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


class BatchBuffers:
    """Assembles images into batches, in place. Safe for several threads, each of which gets its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[Pixels] = []

    @contextmanager
    def batch(self, images: Pixels | Sequence[Pixels]) -> Iterator[Pixels]:
        """Give images, (H, W, 3) uint8 each, as one (N, H, W, 3) array while the context is open.

        A single image, and an array of images, are given as they are, without a copy.
        """
        if isinstance(images, np.ndarray):
            yield images
        elif len(images) == 1:
            yield images[0][np.newaxis]
        else:
            buffer = self._take(len(images), images[0].shape)
            try:
                yield np.stack(images, out=buffer[: len(images)])
            finally:
                with self._lock:
                    self._free.append(buffer)

    def _take(self, count: int, shape: tuple[int, ...]) -> Pixels:
        with self._lock:
            buffer = self._free.pop() if self._free else None
        if buffer is None or len(buffer) < count or buffer.shape[1:] != shape:
            buffer = np.empty((count, *shape), np.uint8)
        return buffer
