"""The middle of one image searched in another: normalised cross-correlation (Lewis 1995), by FFT.

Own code and not `skimage.feature.match_template`: that does one search at a time, while here the
spectra of an image serve all its searches, and many pairs are searched at once.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import fft

from training.runtime.arrays import Floats

Spectra = npt.NDArray[np.complex64]

# The part of the smaller view that is searched: the rest may lie outside the other image's view,
# which is itself only the middle of the photo.
_MIDDLE: Final = 0.7
# A blank middle has nothing to be found by: its length stays near 0, and so do its scores.
_MIN_LENGTH: Final = 1e-2
_MIN_VARIANCE: Final = 1e-4


def template_side_px(px: int, scale: float) -> int:
    """Return the side of what is searched in an image of `px`, taken from a view of `scale`."""
    return round(px * _MIDDLE * scale)


def template_spectra(texture: Floats, px: int, side_px: int) -> Spectra:
    """Return the spectra (..., px, px // 2 + 1) of the middles (side_px a side) of textures (..., n, n)."""
    start = (texture.shape[-1] - side_px) // 2
    middle = texture[..., start : start + side_px, start : start + side_px]
    middle = middle - middle.mean(axis=(-2, -1), keepdims=True)
    lengths = np.sqrt(np.square(middle).sum(axis=(-2, -1), keepdims=True))
    middle /= np.maximum(lengths, _MIN_LENGTH)
    spectra: Spectra = fft.rfft2(middle, (px, px)).conj()
    return spectra


def target_spectra(texture: Floats) -> Spectra:
    """Return the spectra (..., px, px // 2 + 1) of textures (..., px, px) that are searched in."""
    spectra: Spectra = fft.rfft2(texture)
    return spectra


def inverse_deviations(texture: Floats, side_px: int) -> Floats:
    """Return 1 / the length of each window about its mean: (..., places, places) of (..., px, px)."""
    window = _windows(texture.shape[-1], side_px)
    sums = np.matmul(window, texture) @ window.T
    squares = np.matmul(window, np.square(texture)) @ window.T
    variances = squares - np.square(sums) / np.float32(side_px**2)
    inverse: Floats = 1 / np.sqrt(np.maximum(variances, np.float32(_MIN_VARIANCE)))
    return inverse


def best_scores(templates: Spectra, targets: Spectra, inverse: Floats) -> Floats:
    """Return each template's score (...) at its best place in its target: 1 is the same.

    Args:
        templates, targets: spectra (..., px, px // 2 + 1).
        inverse: of the targets' windows below the template, (..., places, places).
    """
    down, across = _inverse_transforms(templates.shape[-2], inverse.shape[-1])
    products = np.matmul(down, templates * targets)
    *stack, places, columns = products.shape
    flat = products.view(np.float32).reshape(-1, 2 * columns) @ across
    scores: Floats = (flat.reshape(*stack, places, places) * inverse).max(axis=(-2, -1))
    return scores


@lru_cache(256)
def _inverse_transforms(px: int, places: int) -> tuple[Spectra, Floats]:
    """Return the inverse of `rfft2`, at the first places of each axis only: half the work of all.

    They are (places, px), for the first axis, and (2 * (px // 2 + 1), places), for the second, whose
    real and imaginary parts take turns.
    """
    place = np.arange(places)
    down = np.exp(2j * np.pi * np.outer(place, np.arange(px)) / px) / px
    column = np.arange(px // 2 + 1)
    weight = np.where((column == 0) | (2 * column == px), 1, 2) / px
    turned = weight[:, None] * np.exp(2j * np.pi * np.outer(column, place) / px)
    across = np.stack([turned.real, -turned.imag], axis=1).reshape(-1, places)
    return down.astype(np.complex64), across.astype(np.float32)


@lru_cache(256)
def _windows(px: int, side_px: int) -> Floats:
    """Return the matrix (places, px) that sums each window along one axis."""
    places = px - side_px + 1
    starts = np.arange(places)[:, None]
    inside = (starts <= np.arange(px)) & (np.arange(px) < starts + side_px)
    return inside.astype(np.float32)
