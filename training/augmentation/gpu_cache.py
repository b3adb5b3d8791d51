"""Training images that lie on the GPU, whole and as uint8, and are changed there.

A data set of 20,000 images of 256 px takes 5 GB; what does not fit into a share of the memory is read
and prepared by threads as on a CPU.
"""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from training.augmentation.batches import Batch, CachedImages, StepImages, TrainingImages
from training.augmentation.gpu_augmentation import augment_batch

# Of the memory that is free; the rest is for the network.
_MEMORY_SHARE: Final = 0.25
_PREFETCHED_BATCHES: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuDatasetCache(CachedImages):
    """The training split on a device: `kept[i]` is image i, (h, w, 3) uint8."""

    kept: tuple[Tensor, ...]

    @classmethod
    def load(
        cls, images: TrainingImages, device: torch.device, *, memory_bytes: int
    ) -> "GpuDatasetCache | None":
        """Copy the images to a device; None where they take more than `memory_bytes`."""
        kept: list[Tensor] = []
        left_bytes = memory_bytes
        for row in images.rows:
            pixels = images.pixels.one(int(row))
            left_bytes -= pixels.nbytes
            if left_bytes < 0:
                return None
            kept.append(torch.from_numpy(pixels.copy()).to(device))
        return cls(images=images, kept=tuple(kept))

    def stream(
        self, first_step: int, side_hw_at: Callable[[int], tuple[int, int]]
    ) -> Generator[Batch]:
        """Yield the batches that `TrainingImages.stream` yields, but for the rounding of levels.

        A thread prepares the next one, beside the kernels of the step that is being taken.
        """
        ahead: deque[Future[Batch]] = deque()
        work = side_stream(self.kept[0].device)
        with ThreadPoolExecutor(1, thread_name_prefix="augment") as pool:
            step = first_step
            try:
                while True:
                    while len(ahead) <= _PREFETCHED_BATCHES:
                        ahead.append(pool.submit(self._ready, step, side_hw_at(step), work))
                        step += 1
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _ready(self, step: int, side_hw: tuple[int, int], work: torch.cuda.Stream | None) -> Batch:
        """Return a step's batch when the GPU has finished it: any stream may read it then."""
        if work is None:
            return self._batch(step, side_hw)
        with torch.cuda.stream(work):
            batch = self._batch(step, side_hw)
        work.synchronize()
        return batch

    def _batch(self, step: int, side_hw: tuple[int, int]) -> Batch:
        chosen, places = self.images.members(step)
        kept = [self.kept[index] for index in self.images.mine(chosen)]
        sampled = [
            self.images.sampled(int(place), (image.shape[1], image.shape[0]), side_hw)
            for image, place in zip(kept, self.images.mine(places), strict=True)
        ]
        return self.images.batch_of(augment_batch(kept, side_hw, sampled), chosen)


def cache_on_gpu(images: TrainingImages, device: torch.device) -> StepImages:
    """Return the images on a GPU where they fit, and as they are on a CPU."""
    if device.type != "cuda":
        return images
    free_bytes, _ = torch.cuda.mem_get_info(device)
    memory_bytes = round(_MEMORY_SHARE * free_bytes)
    return GpuDatasetCache.load(images, device, memory_bytes=memory_bytes) or images


def side_stream(device: torch.device) -> torch.cuda.Stream | None:
    """Return a stream of work beside the main one; None on a CPU, which has no streams."""
    if device.type != "cuda":
        return None
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
