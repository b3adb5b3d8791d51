"""Training images that lie on the device: here the CPU, on a GPU the same code."""

import copy
from itertools import islice

import numpy as np
import pytest
import torch

from tests.training.finetuning.test_loop import CPU, settings, step_plan
from tests.training.step_images import SIDE_HW, first, images_of
from training.augmentation import gpu_cache as resident
from training.augmentation.batches import Batch
from training.augmentation.gpu_cache import GpuDatasetCache, cache_on_gpu
from training.data.split import Dataset
from training.finetuning.loop import Trainer
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.runtime.distributed import Shard

pytestmark = pytest.mark.training

PLENTY = 10**9


def loaded(dataset: Dataset, *, shard: Shard | None = None) -> GpuDatasetCache:
    found = GpuDatasetCache.load(images_of(dataset, shard=shard), CPU, memory_bytes=PLENTY)
    assert found is not None
    return found


def steps(images: GpuDatasetCache, count: int, *, start: int = 0) -> list[Batch]:
    return list(islice(images.stream(start, lambda step: SIDE_HW), count))


@pytest.mark.parametrize("shard", [None, Shard(rank=1, of=2)])
def test_batches_are_those_that_threads_prepare(dataset: Dataset, shard: Shard | None) -> None:
    expected = first(images_of(dataset, shard=shard), 8)
    for found, other in zip(steps(loaded(dataset, shard=shard), 8), expected, strict=True):
        assert found.images.shape == other.images.shape
        assert found.images.dtype == torch.uint8
        off = (found.images.int() - other.images.int()).abs().float()
        assert off.mean() < 1
        assert torch.equal(found.targets, other.targets)
        assert torch.equal(found.all_targets, other.all_targets)


def test_a_run_that_goes_on_sees_the_batches_that_it_would_have_seen(dataset: Dataset) -> None:
    images = loaded(dataset)
    later = steps(images, 6)[4:]
    for found, expected in zip(steps(images, 2, start=4), later, strict=True):
        assert torch.equal(found.images, expected.images)


def test_what_does_not_fit_is_not_loaded(dataset: Dataset) -> None:
    images = images_of(dataset)
    needed = sum(images.pixels.one(int(row)).nbytes for row in images.rows)
    assert GpuDatasetCache.load(images, CPU, memory_bytes=needed) is not None
    assert GpuDatasetCache.load(images, CPU, memory_bytes=needed - 1) is None


def test_on_a_cpu_threads_prepare_the_images(dataset: Dataset) -> None:
    images = images_of(dataset)
    assert cache_on_gpu(images, CPU) is images


@pytest.mark.parametrize(("free_bytes", "is_resident"), [(10**9, True), (1000, False)])
def test_a_share_of_a_gpus_free_memory_is_taken(
    monkeypatch: pytest.MonkeyPatch, dataset: Dataset, free_bytes: int, is_resident: bool
) -> None:
    """The copy itself goes to the CPU here, for want of a GPU."""
    load = GpuDatasetCache.load
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free_bytes, PLENTY))
    monkeypatch.setattr(
        resident.GpuDatasetCache,
        "load",
        lambda images, device, memory_bytes: load(images, CPU, memory_bytes=memory_bytes),
    )
    found = cache_on_gpu(images_of(dataset), torch.device("cuda", 0))
    assert isinstance(found, GpuDatasetCache) is is_resident


def test_a_network_learns_from_them(network: TransferNetwork, dataset: Dataset) -> None:
    validation = ValidationImages(
        pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
    )
    trainer = Trainer.begin(
        copy.deepcopy(network), loaded(dataset), validation, settings(), step_plan=step_plan(12)
    )
    trainer.run()
    assert np.mean(trainer.history[-1].val_accuracy) == 1.0
