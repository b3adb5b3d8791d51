"""The changes of a batch by PyTorch, beside Pillow's of each image."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from inference.decoding import DecodedImage
from inference.preprocessing import Fit, PreprocessSpec, resize_for_training
from training.augmentation.gpu_augmentation import augment_batch
from training.augmentation.random_augmentation import (
    Augmentation,
    Distortion,
    SampledAugmentation,
    apply_augmentation,
    sample_augmentation,
)

pytestmark = pytest.mark.training

SIDE_HW = (48, 64)
SIZES_WH = [(80, 60), (64, 48), (200, 90), (33, 121), (20, 30)]


def photo(size_wh: tuple[int, int], seed: int) -> Image.Image:
    """Return soft noise: rough enough to show a shift, as smooth as photographs are."""
    width, height = size_wh
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1)).point(lambda x: 2 * x - 127)


def by_torch(images: list[Image.Image], sampled: list[SampledAugmentation]) -> np.ndarray:
    """Return (N, H, W, 3)."""
    tensors = [torch.from_numpy(np.array(image)) for image in images]
    found = augment_batch(tensors, SIDE_HW, sampled)
    assert found.dtype == torch.uint8
    assert found.shape == (len(images), 3, *SIDE_HW)
    return found.permute(0, 2, 3, 1).numpy()


def assert_alike(found: np.ndarray, expected: np.ndarray, *, levels: int) -> None:
    """A level or two of rounding; at the border of what was turned, a pixel may be grey or not."""
    off = np.abs(found.astype(int) - expected.astype(int))
    assert np.quantile(off, 0.99) <= levels
    assert off.mean() < 1


@pytest.mark.parametrize("horizontal_flip", [False, True])
def test_parts_of_images_of_any_size_are_resized_as_by_pillow(horizontal_flip: bool) -> None:
    images = [photo(size, seed) for seed, size in enumerate(SIZES_WH)]
    plain = Augmentation(horizontal_flip=False, distort=False)
    sampled = [
        dataclasses.replace(
            sample_augmentation(image.size, SIDE_HW, plain, np.random.default_rng(seed)),
            horizontal_flip=horizontal_flip,
        )
        for seed, image in enumerate(images)
    ]
    for image, change, found in zip(images, sampled, by_torch(images, sampled), strict=True):
        assert (
            np.abs(found.astype(int) - apply_augmentation(image, SIDE_HW, change).astype(int)).max()
            <= 1
        )


@pytest.mark.parametrize("distortion", list(Distortion))
@pytest.mark.parametrize("magnitude", [-1.0, -0.3, 0.7])
def test_every_distortion_is_pillows(distortion: Distortion, magnitude: float) -> None:
    image = photo((80, 60), 1)
    change = SampledAugmentation(
        box=(5.3, 4.1, 70.2, 55.8), distortion=distortion, magnitude=magnitude
    )
    (found,) = by_torch([image], [change])
    assert_alike(found, apply_augmentation(image, SIDE_HW, change), levels=2)
    unchanged = apply_augmentation(image, SIDE_HW, SampledAugmentation(box=change.box))
    is_changed = bool(np.abs(found.astype(int) - unchanged).max() > 2)
    assert is_changed is (distortion != Distortion.NOTHING)


def test_a_batch_of_all_kinds_is_changed_image_by_image() -> None:
    images = [photo(SIZES_WH[seed % 5], seed) for seed in range(40)]
    everything = Augmentation(horizontal_flip=True, distort=True)
    sampled = [
        sample_augmentation(image.size, SIDE_HW, everything, np.random.default_rng(seed))
        for seed, image in enumerate(images)
    ]
    assert {change.distortion for change in sampled} == set(Distortion)
    assert any(change.erased for change in sampled)
    for image, change, found in zip(images, sampled, by_torch(images, sampled), strict=True):
        assert_alike(found, apply_augmentation(image, SIDE_HW, change), levels=3)


def test_a_panorama_costs_no_more_than_the_part_of_it_that_is_kept() -> None:
    """Padded to its width, the batch would take 30 GB."""
    panorama = Image.new("RGB", (400_000, 50), (200, 10, 10))
    images = [panorama, *[photo((60, 60), 0)] * 100]
    boxes = [(300_000.0, 0.0, 300_060.0, 50.0), *[(0.0, 0.0, 60.0, 60.0)] * 100]
    found = by_torch(images, [SampledAugmentation(box=box) for box in boxes])
    assert np.abs(found[0].astype(int) - (200, 10, 10)).max() <= 1


@pytest.mark.parametrize("fit", ["pad", "squash"])
def test_a_padded_or_squashed_panorama_is_changed_as_by_pillow(fit: Fit) -> None:
    spec = PreprocessSpec(
        resize_shorter_px=60,
        crop_hw=(48, 48),
        interpolation="bicubic",
        mean=(0.485, 0.456, 0.406),
        std=(0.25, 0.25, 0.25),
        fit=fit,
    )
    panorama = DecodedImage(image=photo((300, 80), 3), source_wh=(300, 80))
    images = [Image.fromarray(resize_for_training(panorama, spec))] * 8
    drawn = Augmentation(horizontal_flip=True, distort=True)
    sampled = [
        sample_augmentation((60, 60), SIDE_HW, drawn, np.random.default_rng(seed))
        for seed in range(len(images))
    ]
    for image, change, found in zip(images, sampled, by_torch(images, sampled), strict=True):
        assert_alike(found, apply_augmentation(image, SIDE_HW, change), levels=3)
