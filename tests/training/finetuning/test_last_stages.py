"""A network cut in two: the halves are the network, and what is kept is what the tail would be given."""

import copy
from itertools import islice

import numpy as np
import pytest
import torch

from tests.training.finetuning.test_loop import CPU, settings, step_plan
from tests.training.step_images import SIDE_HW, first, images_of
from training.augmentation.batches import Batch
from training.backbones.build import Backbone
from training.data.split import Dataset
from training.finetuning.last_stages import (
    CachedActivations,
    SplitNetwork,
    cache_activations,
    cache_validation,
    find_cuts,
    merge_last_stages,
    split_network,
)
from training.finetuning.loop import Trainer
from training.finetuning.validation import ValidationImages, compute_logits
from training.networks.transfer_network import TransferNetwork

pytestmark = pytest.mark.training

CLOSE = 5e-3  # float16 tells numbers apart by a thousandth


@pytest.fixture
def own(network: TransferNetwork) -> TransferNetwork:
    """Return a copy of the network with the probe's head."""
    return copy.deepcopy(network).eval()


@pytest.fixture
def split(own: TransferNetwork, backbone: Backbone) -> SplitNetwork:
    """Return the network, cut before its last stage."""
    cut = next(cut for cut in find_cuts(own, SIDE_HW) if cut.name == "layer4.0")
    return split_network(own, cut, backbone.spec)


@pytest.fixture
def validation(dataset: Dataset) -> ValidationImages:
    """Return the nine validation images."""
    return ValidationImages(
        pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
    )


def hwc(batch: Batch) -> np.ndarray:
    """Return a batch's images as (N, H, W, 3)."""
    return batch.images.permute(0, 2, 3, 1).numpy()


def kept(split: SplitNetwork, dataset: Dataset, *, num_views: int = 2) -> CachedActivations:
    return cache_activations(split, images_of(dataset), num_views=num_views, side_hw=SIDE_HW)


def test_the_halves_together_are_the_network(
    own: TransferNetwork, split: SplitNetwork, dataset: Dataset
) -> None:
    (batch,) = first(images_of(dataset), 1)
    activations = split.activations(hwc(batch))
    assert activations.shape == (7, *split.shape_hwd)
    with torch.inference_mode():
        found = split.last_stages(torch.from_numpy(activations).permute(0, 3, 1, 2))
        assert torch.allclose(found, own(batch.images), rtol=CLOSE, atol=CLOSE)


def test_the_tail_sees_what_the_first_passes_of_a_run_would_show_it(
    split: SplitNetwork, dataset: Dataset
) -> None:
    """42 images in batches of seven: six steps a pass, and after two passes the first views again."""
    stream = kept(split, dataset).stream(0, lambda step: SIDE_HW)
    for found, shown in zip(islice(stream, 12), first(images_of(dataset), 12), strict=True):
        expected = torch.from_numpy(split.activations(hwc(shown))).permute(0, 3, 1, 2)
        assert torch.equal(found.images, expected)
        assert torch.equal(found.targets, shown.targets)
    targets = [batch.targets for batch in first(images_of(dataset), 13)]
    assert torch.equal(next(stream).targets, targets[12])


def test_each_pass_takes_another_view(split: SplitNetwork, dataset: Dataset) -> None:
    views = kept(split, dataset)
    numbers = np.arange(2, dtype=np.float16)[:, None, None, None, None]
    marked = CachedActivations(
        images=views.images, views=np.broadcast_to(numbers, views.views.shape)
    )
    stream = marked.stream(0, lambda step: SIDE_HW)
    seen = [{batch.images.min().item(), batch.images.max().item()} for batch in islice(stream, 18)]
    assert seen == [{0.0}] * 6 + [{1.0}] * 6 + [{0.0}] * 6


def test_a_run_that_goes_on_sees_the_views_that_it_would_have_seen(
    split: SplitNetwork, dataset: Dataset
) -> None:
    views = kept(split, dataset)
    later = list(islice(views.stream(0, lambda step: SIDE_HW), 9))[7:]
    for found, expected in zip(views.stream(7, lambda step: SIDE_HW), later, strict=False):
        assert torch.equal(found.images, expected.images)


def test_all_views_are_told_of(split: SplitNetwork, dataset: Dataset) -> None:
    """84 images in batches of 8: the last batch reaches beyond the views."""
    done: list[int] = []
    images = images_of(dataset, batch_size=8)
    views = cache_activations(split, images, num_views=2, side_hw=SIDE_HW, advance=done.append)
    assert sum(done) == 84
    assert np.isfinite(views.views).all()


def test_the_tail_judges_validation_images_as_the_network_does(
    own: TransferNetwork, split: SplitNetwork, validation: ValidationImages
) -> None:
    found = compute_logits(split.last_stages, cache_validation(split, validation), CPU)
    assert np.allclose(found, compute_logits(own, validation, CPU), rtol=CLOSE, atol=CLOSE)


def test_training_the_tail_changes_the_last_stage_of_the_network_and_its_head_alone(
    own: TransferNetwork, split: SplitNetwork, dataset: Dataset, validation: ValidationImages
) -> None:
    before = copy.deepcopy(own.state_dict())
    trainer = Trainer.begin(
        copy.deepcopy(split.last_stages),
        kept(split, dataset),
        cache_validation(split, validation),
        settings(),
        step_plan=step_plan(12),
    )
    trainer.run()
    whole = merge_last_stages(own, trainer.network)
    changed = {n for n, value in whole.state_dict().items() if not torch.equal(value, before[n])}
    parameters = {name for name, _ in split.last_stages.named_parameters()}
    assert changed == parameters
    assert all(name.startswith(("trunk.layer4.", "head.")) for name in parameters)
    assert all(torch.equal(value, before[n]) for n, value in own.state_dict().items())
    assert trainer.history[-1].val_accuracy == 1.0
    expected = compute_logits(trainer.network, cache_validation(split, validation), CPU)
    assert np.allclose(compute_logits(whole, validation, CPU), expected, rtol=2e-2, atol=2e-2)
