"""The texture of images: detail of a few pixels, about equally strong everywhere.

Resizing and smoothing are linear along each axis. As matrices they serve many images at a time, many
times faster than one call of Pillow and of SciPy for each image.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image
from scipy import ndimage

from training.runtime.arrays import Floats, Pixels

# Texture fainter than about this many grey values is damped: JPEG's own noise is no evidence.
_FAINT: Final = 4.0
_KEPT_MATRICES: Final = 1024


def grey_image(pixels: Pixels) -> Pixels:
    """Return the (H, W) brightness of an (H, W, 3) image, both uint8."""
    return np.asarray(Image.fromarray(pixels).convert("L"))


def texture_of(images: Floats, px: int, *, noise: float, reach: float) -> Floats:
    """Return the texture (..., px, px) of grey images (..., H, W) seen in `px` pixels a side.

    Args:
        images: brightness in grey values.
        px: side of the square that the images are resized to first.
        noise: detail finer than about this is left out; in pixels, as `reach`.
        reach: changes slower than this are left out, or two dark trousers on a light wall would be one photo.
    """
    height, width = images.shape[-2:]
    smooth = _resized_smooth(height, px, noise) @ images @ _resized_smooth(width, px, noise).T
    slow = _smoothing(px, reach)
    detail = smooth - slow @ smooth @ slow.T
    contrast = np.sqrt(np.maximum(slow @ np.square(detail) @ slow.T, 0))
    texture: Floats = detail / (contrast + np.float32(_FAINT))
    return texture


def shrunk(image: Pixels, px: int) -> Pixels:
    """Return a grey image (H, W) in (px, px), both uint8."""
    height, width = image.shape
    small = resizing(height, px) @ image.astype(np.float32) @ resizing(width, px).T
    rounded: Pixels = np.rint(small).clip(0, 255).astype(np.uint8)
    return rounded


@lru_cache(_KEPT_MATRICES)
def resizing(before_px: int, px: int) -> Floats:
    """Return the matrix (px, before_px) that resizes along one axis.

    Antialiased well: a box filter turns stripes and checks into a pattern that each scale has anew.
    """
    single = Image.fromarray(np.eye(before_px, dtype=np.float32))
    return np.array(single.resize((before_px, px), Image.Resampling.BICUBIC))


@lru_cache(_KEPT_MATRICES)
def _smoothing(px: int, deviation_px: float) -> Floats:
    """Return the matrix (px, px) of a Gaussian filter along one axis."""
    return np.array(ndimage.gaussian_filter1d(np.eye(px), deviation_px, axis=0), dtype=np.float32)


@lru_cache(_KEPT_MATRICES)
def _resized_smooth(before_px: int, px: int, deviation_px: float) -> Floats:
    matrix: Floats = _smoothing(px, deviation_px) @ resizing(before_px, px)
    return matrix
