"""Random crops and mirror images."""

import numpy as np
import pytest
from PIL import Image

from training.augmentation.random_augmentation import (
    AREA_RANGE,
    ASPECT_RANGE,
    ERASED_AREA,
    ERASED_OFTEN,
    Augmentation,
    apply_augmentation,
    random_box,
    sample_augmentation,
)

pytestmark = pytest.mark.training

PLAIN = Augmentation(horizontal_flip=False, distort=False)
MIRRORED = Augmentation(horizontal_flip=True, distort=False)
DISTORTED = Augmentation(horizontal_flip=False, distort=True)
SIDE_HW = (24, 32)


def ramp() -> Image.Image:
    """Return an image whose red grows from left to right."""
    row = np.linspace(0, 255, 80).astype(np.uint8)
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[:, :, 0] = row
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size_wh", [(80, 60), (60, 80), (100, 100), (1, 1), (7, 5)])
def test_a_box_is_inside_and_of_allowed_area_and_aspect(size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    for seed in range(200):
        left, top, right, bottom = random_box(size_wh, np.random.default_rng(seed))
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        shard = (right - left) * (bottom - top) / (width * height)
        aspect = (right - left) / (bottom - top)
        assert AREA_RANGE[0] - 1e-6 <= shard <= AREA_RANGE[1] + 1e-6
        assert ASPECT_RANGE[0] - 1e-6 <= aspect <= ASPECT_RANGE[1] + 1e-6


def test_boxes_differ() -> None:
    boxes = {random_box((80, 60), np.random.default_rng(seed)) for seed in range(20)}
    assert len(boxes) == 20


def test_no_box_fits_a_strip_so_the_central_one_is_taken() -> None:
    """A strip has no box of 35 % of its area within the aspect range."""
    left, top, right, bottom = random_box((1000, 10), np.random.default_rng(0))
    assert (top, bottom) == (0, 10)
    assert (right - left) / (bottom - top) == pytest.approx(ASPECT_RANGE[1])
    assert left + right == pytest.approx(1000)


def augmented(image: Image.Image, augmentation: Augmentation, *seed: int) -> np.ndarray:
    """Return an image changed as drawn by a seed."""
    rng = np.random.default_rng(seed)
    return apply_augmentation(
        image, SIDE_HW, sample_augmentation(image.size, SIDE_HW, augmentation, rng)
    )


def changed(augmentation: Augmentation, *seed: int) -> np.ndarray:
    """Return one result."""
    return augmented(ramp(), augmentation, *seed)


@pytest.mark.parametrize("augmentation", [PLAIN, MIRRORED, DISTORTED])
def test_the_result_has_the_asked_for_size(augmentation: Augmentation) -> None:
    for seed in range(30):
        result = changed(augmentation, seed)
        assert result.shape == (24, 32, 3)
        assert result.dtype == np.uint8


@pytest.mark.parametrize("augmentation", [PLAIN, MIRRORED, DISTORTED])
def test_the_same_draw_gives_the_same_pixels(augmentation: Augmentation) -> None:
    first, again = changed(augmentation, 0, 1, 2), changed(augmentation, 0, 1, 2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, changed(augmentation, 0, 2, 2))


def mirrored_share(augmentation: Augmentation) -> float:
    """Return how many of 200 results have their bright side at the left."""
    results = (changed(augmentation, seed).astype(int) for seed in range(200))
    return sum(int(result[0, 0, 0] > result[0, -1, 0]) for result in results) / 200


def test_half_of_the_images_are_mirrored() -> None:
    assert 0.4 < mirrored_share(MIRRORED) < 0.6


def test_none_is_mirrored_where_that_is_off() -> None:
    assert mirrored_share(PLAIN) == 0


def test_a_part_of_some_images_is_covered_with_grey() -> None:
    """The image itself has no grey: green and blue are nothing."""
    covered = [float((changed(DISTORTED, seed) == 128).all(axis=2).mean()) for seed in range(400)]
    large = [shard for shard in covered if shard > ERASED_AREA[0] / 2]
    # Turned and sheared images have grey corners, too.
    assert len(large) / 400 > ERASED_OFTEN * 0.8
    assert np.mean([shard == 0 for shard in covered]) > 0.4


def test_distortions_are_mild() -> None:
    """A bright image stays bright and a red one red: a label may be a colour."""
    red = Image.fromarray(np.full((60, 80, 3), (200, 30, 30), np.uint8))
    for seed in range(200):
        result = augmented(red, DISTORTED, seed)
        median = np.median(result.reshape(-1, 3), axis=0)
        assert median[0] > 100
        assert median[0] > median[1] + 50
        assert median[0] > median[2] + 50
