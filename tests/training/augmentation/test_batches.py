"""Batches of augmented images."""

from itertools import islice

import numpy as np
import pytest
import torch

from tests.training.step_images import SIDE_HW, first, images_of
from training.data.split import Dataset
from training.runtime.distributed import Shard

pytestmark = pytest.mark.training


def test_a_batch_has_the_size_of_its_step_and_the_images_own_classes(dataset: Dataset) -> None:
    """Each colour keeps its class through shuffling: the strongest channel tells it."""
    sizes = [(32, 48), (64, 64)]
    stream = images_of(dataset).stream(0, lambda step: sizes[step % 2])
    for step, batch in enumerate(islice(stream, 6)):
        assert batch.images.shape == (7, 3, *sizes[step % 2])
        assert batch.images.dtype == torch.uint8
        assert batch.targets.dtype == torch.int64
        strongest = batch.images.float().mean((2, 3)).argmax(dim=1)
        # Labels are in natural order: blue, green, red.
        assert torch.equal(2 - strongest, batch.targets)
    stream.close()


def test_every_image_occurs_once_before_any_occurs_again(dataset: Dataset) -> None:
    """42 images in batches of 8: no image is left out, a batch may reach into the next pass."""
    images = images_of(dataset, batch_size=8)
    places = [images._image_at(place) for place in range(84)]
    assert sorted(places[:42]) == sorted(places[42:]) == list(range(42))
    assert places[:42] != places[42:]


def test_a_stream_can_begin_at_any_step(dataset: Dataset) -> None:
    whole = first(images_of(dataset), 9)
    for started, again in zip(whole[5:], first(images_of(dataset), 4, start=5), strict=True):
        assert torch.equal(started.images, again.images)
        assert torch.equal(started.targets, again.targets)


def test_the_draws_do_not_depend_on_the_number_of_threads(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = first(images_of(dataset), 3)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    for batch, alone in zip(several, first(images_of(dataset), 3), strict=True):
        assert torch.equal(batch.images, alone.images)


def test_seeds_differ(dataset: Dataset) -> None:
    (one,), (other,) = first(images_of(dataset), 1), first(images_of(dataset, seed=1), 1)
    assert not torch.equal(one.images, other.images)


def test_fewer_images_than_a_batch_make_a_smaller_batch(dataset: Dataset) -> None:
    images = images_of(dataset, batch_size=100)
    assert images.images_per_step == 42
    assert [len(batch.targets) for batch in first(images, 2)] == [42, 42]


def test_processes_share_a_step_and_know_all_its_classes(dataset: Dataset) -> None:
    (whole,) = first(images_of(dataset), 1)
    parts = [first(images_of(dataset, shard=Shard(rank=rank, of=3)), 1)[0] for rank in range(3)]
    assert [len(part.targets) for part in parts] == [3, 2, 2]
    for rank, part in enumerate(parts):
        assert torch.equal(part.images, whole.images[rank::3])
        assert torch.equal(part.targets, whole.targets[rank::3])
        assert torch.equal(part.all_targets, whole.targets)


def test_a_single_batch_is_that_of_the_stream(dataset: Dataset) -> None:
    images = images_of(dataset)
    assert np.array_equal(images.batch(2, SIDE_HW).images, first(images, 3)[2].images)
