"""Texture by matrices is texture by Pillow and SciPy."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.training.audit.photos import photo
from training.audit.texture import grey_image, shrunk, texture_of

pytestmark = pytest.mark.training


def test_many_images_at_once_have_the_texture_that_filters_give_each() -> None:
    greys = [grey_image(np.asarray(photo(seed).resize((100, 90)))) for seed in (1, 2)]
    found = texture_of(np.stack(greys).astype(np.float32), 60, noise=0.7, reach=3.0)
    for grey, texture in zip(greys, found, strict=True):
        image = Image.fromarray(grey.astype(np.float32)).resize((60, 60), Image.Resampling.BICUBIC)
        smooth = ndimage.gaussian_filter(np.asarray(image), 0.7)
        detail = smooth - ndimage.gaussian_filter(smooth, 3.0)
        expected = detail / (np.sqrt(ndimage.gaussian_filter(detail**2, 3.0)) + 4)
        assert np.abs(texture - expected).max() < 1e-3


def test_an_image_is_shrunk_as_pillow_does_it() -> None:
    grey = grey_image(np.asarray(photo(1)))
    expected = Image.fromarray(grey).resize((64, 64), Image.Resampling.BICUBIC)
    difference = shrunk(grey, 64).astype(int) - np.asarray(expected)
    assert np.abs(difference).max() <= 1
