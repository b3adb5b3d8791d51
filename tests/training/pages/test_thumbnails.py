"""The small pictures inside a page."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from training.pages.thumbnails import MAX_BYTES, heat_url, photo_url

pytestmark = pytest.mark.training


def opened(url: str) -> tuple[Image.Image, int]:
    """Return the picture of a data URL, and its size in bytes."""
    kind, data = url.split(",")
    assert kind == "data:image/jpeg;base64"
    content = base64.b64decode(data)
    return Image.open(io.BytesIO(content)), len(content)


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


def test_the_heat_is_bright_where_the_map_is_high() -> None:
    pixels = np.full((224, 224, 3), 128, np.uint8)
    activation_map = np.array([[0, 1], [0, 1]], dtype=np.float32)
    shown = np.asarray(opened(heat_url(pixels, activation_map))[0].convert("L"), dtype=np.float64)
    assert shown[:, -20:].mean() - shown[:, :20].mean() > 60
