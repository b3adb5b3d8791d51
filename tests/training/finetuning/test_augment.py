"""Random crops and mirror images."""

import numpy as np
import pytest
from PIL import Image
from training.augment import AREA_RANGE, ASPECT_RANGE, augment, random_box

from inference.preprocessing import PreprocessSpec

pytestmark = pytest.mark.training

SPEC = PreprocessSpec(
    resize_shorter_px=36,
    crop_hw=(24, 32),
    interpolation="bilinear",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


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
        share = (right - left) * (bottom - top) / (width * height)
        aspect = (right - left) / (bottom - top)
        assert AREA_RANGE[0] - 1e-6 <= share <= AREA_RANGE[1] + 1e-6
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


def test_the_result_has_the_models_size() -> None:
    result = augment(ramp(), SPEC, np.random.default_rng(0), mirror=True)
    assert result.shape == (24, 32, 3)
    assert result.dtype == np.uint8


def test_the_same_draw_gives_the_same_pixels() -> None:
    first = augment(ramp(), SPEC, np.random.default_rng((0, 1, 2)), mirror=True)
    again = augment(ramp(), SPEC, np.random.default_rng((0, 1, 2)), mirror=True)
    other = augment(ramp(), SPEC, np.random.default_rng((0, 2, 2)), mirror=True)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def mirrored_share(*, mirror: bool) -> float:
    """Return how many of 200 results have their bright side at the left."""
    results = (
        augment(ramp(), SPEC, np.random.default_rng(seed), mirror=mirror).astype(int)
        for seed in range(200)
    )
    return sum(int(result[0, 0, 0] > result[0, -1, 0]) for result in results) / 200


def test_half_of_the_images_are_mirrored() -> None:
    assert 0.4 < mirrored_share(mirror=True) < 0.6


def test_none_is_mirrored_where_that_is_off() -> None:
    assert mirrored_share(mirror=False) == 0
