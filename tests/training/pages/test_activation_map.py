"""The activation map over a photo."""

import numpy as np
import pytest

from tests.training.pages.data_urls import opened
from training.pages.activation_map import heat_url

pytestmark = pytest.mark.training


def test_the_heat_is_bright_where_the_map_is_high() -> None:
    pixels = np.full((224, 224, 3), 128, np.uint8)
    activation_map = np.array([[0, 1], [0, 1]], dtype=np.float32)
    shown = np.asarray(opened(heat_url(pixels, activation_map))[0].convert("L"), dtype=np.float64)
    assert shown[:, -20:].mean() - shown[:, :20].mean() > 60
