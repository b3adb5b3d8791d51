"""Batches of augmented images, prepared by threads while the network computes.

Pillow releases the GIL to decode and to resize, so threads do what worker processes would, without
copies of the process. Every draw comes from (seed, place in the run), so any batch can be made again:
a resumed run sees the images it would have seen.
"""

import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.augmentation.random_augmentation import (
    Augmentation,
    SampledAugmentation,
    apply_augmentation,
    sample_augmentation,
)
from training.data.joined_pixels import ImageByRow
from training.runtime.arrays import Floats, Integers, Pixels
from training.runtime.distributed import Shard

PREFETCHED_BATCHES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One step's images for one process, and how much they weigh in the step.

    `images`: (B, 3, H, W) uint8 RGB. `targets`: (B,) int64 classes, or (B, K) float32 probabilities of
    classes. `all_targets`: those of the whole step, over all processes.
    """

    images: Tensor
    targets: Tensor
    all_targets: Tensor


class StepImages(Protocol):
    """The training split, as the loop needs it."""

    @property
    def shard(self) -> Shard:
        """This process's part of each step."""

    @property
    def num_images(self) -> int:
        """The images of a pass."""

    @property
    def images_per_step(self) -> int:
        """The images of a step, over all processes."""

    def stream(
        self, first_step: int, side_hw_at: Callable[[int], tuple[int, int]]
    ) -> Generator[Batch]:
        """Yield the batches of `first_step`, counted from 0, and of all that follow.

        `side_hw_at` is asked for the (height, width) of a step's images.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingImages:
    """The training split, read image by image and prepared by threads.

    `rows[i]` is where image i lies in `pixels` (whole images), `targets[i]` its class index or, with a
    teacher, the probability of each class.
    """

    pixels: ImageByRow
    rows: Integers
    targets: Integers | Floats
    seed: int
    batch_size: int
    augmentation: Augmentation
    shard: Shard = field(default_factory=Shard)

    @property
    def num_images(self) -> int:
        """The images of a pass."""
        return len(self.rows)

    @property
    def images_per_step(self) -> int:
        """The images of a step, over all processes; all there are where they fill no batch."""
        return min(self.batch_size, len(self.rows))

    def batch(self, step: int, side_hw: tuple[int, int]) -> Batch:
        """Return the batch of a step, counted from 0, at a size."""
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="augment") as pool:
            return self._submit(pool, step, side_hw)()

    def stream(
        self, first_step: int, side_hw_at: Callable[[int], tuple[int, int]]
    ) -> Generator[Batch]:
        """Yield the batches of `first_step` and of all that follow, a few prepared ahead.

        Args:
            first_step: counted from 0.
            side_hw_at: the (height, width) of a step's images.
        """
        queued: deque[Callable[[], Batch]] = deque()
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="augment") as pool:
            step = first_step
            try:
                while True:
                    while len(queued) <= PREFETCHED_BATCHES:
                        queued.append(self._submit(pool, step, side_hw_at(step)))
                        step += 1
                    yield queued.popleft()()
            finally:
                pool.shutdown(cancel_futures=True)

    def members(self, step: int) -> tuple[Integers, Integers]:
        """Return the images of a step, over all processes, and the place of each in the run."""
        places = step * self.images_per_step + np.arange(self.images_per_step)
        return np.array([self._image_at(int(place)) for place in places]), places

    def mine(self, of_step: Integers) -> Integers:
        """Return this process's part of what there is of each image of a step."""
        return of_step[self.shard.rank :: self.shard.of]

    def sampled(
        self, place: int, size_wh: tuple[int, int], side_hw: tuple[int, int]
    ) -> SampledAugmentation:
        """Return the augmentation of the image at a place of the run."""
        rng = np.random.default_rng((self.seed, place))
        return sample_augmentation(size_wh, side_hw, self.augmentation, rng)

    def _submit(
        self, pool: ThreadPoolExecutor, step: int, side_hw: tuple[int, int]
    ) -> Callable[[], Batch]:
        chosen, places = self.members(step)
        mine = self.mine(chosen)
        futures = [
            pool.submit(self._prepare, int(index), int(place), side_hw)
            for index, place in zip(mine, self.mine(places), strict=True)
        ]
        return lambda: self._assemble(chosen, futures)

    def _image_at(self, place: int) -> int:
        """Return which image is at a place of the run: one order of all images after the other."""
        passed, index = divmod(place, len(self.rows))
        return int(_order(self.seed, passed, len(self.rows))[index])

    def _prepare(self, index: int, place: int, side_hw: tuple[int, int]) -> Pixels:
        """Return one augmented image, (H, W, 3) uint8."""
        image = Image.fromarray(self.pixels.one(int(self.rows[index])))
        return apply_augmentation(image, side_hw, self.sampled(place, image.size, side_hw))

    def _assemble(self, chosen: Integers, futures: list[Future[Pixels]]) -> Batch:
        images = torch.from_numpy(np.stack([future.result() for future in futures]))
        return self.batch_of(images.permute(0, 3, 1, 2), chosen)

    def batch_of(self, images: Tensor, chosen: Integers) -> Batch:
        """Return a step's batch: this process's images as changed, and the targets of all."""
        everybodys = torch.from_numpy(self.targets[chosen])
        own = (
            everybodys if self.shard.of == 1 else torch.from_numpy(self.targets[self.mine(chosen)])
        )
        return Batch(images=images, targets=own, all_targets=everybodys)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedImages:
    """The images of `images`, in its order and steps, kept in another form than it reads them."""

    images: TrainingImages

    @property
    def shard(self) -> Shard:
        """This process's part of each step."""
        return self.images.shard

    @property
    def num_images(self) -> int:
        """The images of a pass."""
        return self.images.num_images

    @property
    def images_per_step(self) -> int:
        """The images of a step, over all processes."""
        return self.images.images_per_step


@lru_cache(maxsize=4)
def _order(seed: int, passed: int, num_images: int) -> Integers:
    return np.random.default_rng((seed, passed, num_images)).permutation(num_images)
