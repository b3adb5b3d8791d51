"""The folder of colours as the training loop reads it."""

from itertools import islice

from training.augmentation.batches import Batch, TrainingImages
from training.augmentation.random_augmentation import Augmentation
from training.data.split import Dataset
from training.runtime.distributed import Shard

SIDE_PX = 64  # as in conftest
SIDE_HW = (SIDE_PX, SIDE_PX)


def images_of(
    dataset: Dataset, *, batch_size: int = 7, seed: int = 0, shard: Shard | None = None
) -> TrainingImages:
    """Return the training split of the folder of colours, 42 images."""
    assert dataset.training_pixels is not None
    return TrainingImages(
        pixels=dataset.training_pixels,
        rows=dataset.rows("train"),
        targets=dataset.targets("train"),
        seed=seed,
        batch_size=batch_size,
        augmentation=Augmentation(horizontal_flip=True, distort=True),
        shard=shard or Shard(),
    )


def first(images: TrainingImages, count: int, *, start: int = 0) -> list[Batch]:
    """Return the batches of some steps."""
    stream = images.stream(start, lambda step: SIDE_HW)
    found = list(islice(stream, count))
    stream.close()
    return found
