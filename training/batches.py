"""Batches of augmented images, prepared by threads while the network computes.

Pillow releases the GIL to decode and to resize, so threads do what worker processes would, without
copies of the process and with draws that do not depend on who prepares which image.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inference.decoding import decode_image
from inference.errors import ImageError
from inference.preprocessing import PreprocessSpec
from training.augment import augment
from training.data.scan import ScannedImage
from training.errors import DataError

_PREFETCHED_BATCHES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingImages:
    """The training split, as the loop needs it. `targets[i]` is the class index of `images[i]`."""

    images: Sequence[ScannedImage]
    targets: Sequence[int]
    spec: PreprocessSpec
    seed: int
    batch_size: int
    mirror: bool

    @property
    def batches_per_epoch(self) -> int:
        """The number of batches; the last images of an epoch that fill none are left to the next."""
        return max(1, len(self.images) // self.batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images (B, 3, H, W) uint8 and targets (B,) int64 in an order drawn for the epoch.

        Raises:
            DataError: a file vanished or was damaged since it was scanned.
        """
        order = np.random.default_rng((self.seed, number)).permutation(len(self.images))
        size = min(self.batch_size, len(order))
        chunks = [order[i * size : (i + 1) * size] for i in range(self.batches_per_epoch)]
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="augment") as pool:
            queued: deque[tuple[np.ndarray, list[Future[np.ndarray]]]] = deque()
            for chunk in chunks:
                queued.append((chunk, [pool.submit(self._prepare, int(i), number) for i in chunk]))
                if len(queued) > _PREFETCHED_BATCHES:
                    yield self._assemble(*queued.popleft())
            while queued:
                yield self._assemble(*queued.popleft())

    def _prepare(self, index: int, epoch: int) -> np.ndarray:
        """Return one augmented image, (H, W, 3) uint8."""
        path = self.images[index].file.path
        try:
            decoded = decode_image(path.read_bytes(), shorter_px=self.spec.resize_shorter_px)
        except (OSError, ImageError) as err:
            raise DataError(
                f"{path.name!r} can no longer be read; the file changed during the run, start it again"
            ) from err
        rng = np.random.default_rng((self.seed, epoch, index))
        return augment(decoded.image, self.spec, rng, mirror=self.mirror)

    def _assemble(
        self, chunk: np.ndarray, futures: list[Future[np.ndarray]]
    ) -> tuple[Tensor, Tensor]:
        images = torch.from_numpy(np.stack([future.result() for future in futures]))
        targets = torch.tensor([self.targets[i] for i in chunk], dtype=torch.int64)
        return images.permute(0, 3, 1, 2), targets
