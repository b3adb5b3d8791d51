"""The small pictures inside a page."""

import numpy as np
import pytest

from tests.training.pages.data_urls import opened
from training.pages.thumbnails import MAX_BYTES, photo_url

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("size_wh", "shown_wh"),
    [((224, 224), (144, 144)), ((8, 8), (144, 144)), ((300, 150), (144, 72))],
)
def test_every_picture_has_one_longer_side(
    size_wh: tuple[int, int], shown_wh: tuple[int, int]
) -> None:
    pixels = np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)
    assert opened(photo_url(pixels))[0].size == shown_wh


def test_even_noise_stays_within_the_limit_of_bytes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    assert opened(photo_url(noise))[1] <= MAX_BYTES
