"""Batches of augmented images."""

import numpy as np
import pytest
import torch
from training.batches import TrainingImages

from tests.training.conftest import SIDE_PX
from training.backbones.build import Backbone
from training.data.scan import StoredPixels
from training.data.split import Dataset

pytestmark = pytest.mark.training


def images_of(
    dataset: Dataset, backbone: Backbone, *, batch_size: int = 7, mirror: bool = True, seed: int = 0
) -> TrainingImages:
    """Return the training split of the folder of colours, 42 images."""
    assert dataset.training_pixels is not None
    return TrainingImages(
        pixels=dataset.training_pixels,
        rows=dataset.rows("train"),
        targets=dataset.targets("train"),
        spec=backbone.spec,
        seed=seed,
        batch_size=batch_size,
        mirror=mirror,
    )


def test_a_batch_has_the_models_size_and_the_images_own_classes(
    dataset: Dataset, backbone: Backbone
) -> None:
    """Each colour keeps its class through shuffling: the strongest channel tells it."""
    seen = 0
    for pixels, targets in images_of(dataset, backbone).epoch(0):
        assert pixels.shape == (7, 3, SIDE_PX, SIDE_PX)
        assert pixels.dtype == torch.uint8
        assert targets.dtype == torch.int64
        strongest = pixels.float().mean((2, 3)).argmax(dim=1)
        # Labels are in natural order: blue, green, red.
        assert torch.equal(2 - strongest, targets)
        seen += len(targets)
    assert seen == 42


def test_an_image_occurs_at_most_once_an_epoch(
    dataset: Dataset, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    own = StoredPixels.one

    def counted(pixels: StoredPixels, row: int) -> np.ndarray:
        read.append(row)
        return own(pixels, row)

    monkeypatch.setattr(StoredPixels, "one", counted)
    images = images_of(dataset, backbone, batch_size=8)
    assert images.batches_per_epoch == len(list(images.epoch(0))) == 5
    assert len(read) == len(set(read)) == 40


def test_the_draws_do_not_depend_on_the_number_of_threads(
    dataset: Dataset, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = images_of(dataset, backbone)
    several = list(images.epoch(1))
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    for (pixels, targets), (pixels_1, targets_1) in zip(several, images.epoch(1), strict=True):
        assert torch.equal(pixels, pixels_1)
        assert torch.equal(targets, targets_1)


def test_epochs_and_seeds_differ(dataset: Dataset, backbone: Backbone) -> None:
    first = next(images_of(dataset, backbone).epoch(0))[0]
    assert not torch.equal(first, next(images_of(dataset, backbone).epoch(1))[0])
    assert not torch.equal(first, next(images_of(dataset, backbone, seed=1).epoch(0))[0])


def test_the_order_is_another_one_in_each_epoch(dataset: Dataset, backbone: Backbone) -> None:
    images = images_of(dataset, backbone, batch_size=42)
    orders = [next(images.epoch(number))[1].tolist() for number in range(2)]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_fewer_images_than_a_batch_make_one_smaller_batch(
    dataset: Dataset, backbone: Backbone
) -> None:
    images = images_of(dataset, backbone, batch_size=100)
    assert images.batches_per_epoch == 1
    assert [len(targets) for _, targets in images.epoch(0)] == [42]


def test_an_epoch_may_be_left_early(dataset: Dataset, backbone: Backbone) -> None:
    """A time budget ends an epoch in the middle; the next one starts afresh."""
    images = images_of(dataset, backbone)
    epoch = images.epoch(0)
    first = next(epoch)[0]
    epoch.close()  # type: ignore[attr-defined]
    assert torch.equal(next(images.epoch(0))[0], first)
