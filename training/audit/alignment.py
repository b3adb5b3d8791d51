"""Whether two images show one photo, by their pixels.

The middle of one image is searched in the other at several scales, also mirrored, by normalised
cross-correlation (Lewis 1995): first coarsely, then, where something was found, finely. Only local
texture counts: outlines are damped, or two dark trousers on a light wall would be one photo.

Own code and not `skimage.feature.match_template`: that does one search at a time, while here the
spectra of an image serve all its searches.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft, ndimage

from training.runtime.arrays import Doubles, Floats, Pixels

Spectrum = npt.NDArray[np.complex64]

# How much smaller the copy's field of view may be: an 80 % crop is 0.8, and 0.76 leaves some room.
_SCALES: Final = (1.0, 0.94, 0.88, 0.82, 0.76)
# The part of the smaller view that is searched: the rest may lie outside the other image's view,
# which is itself only the middle of the photo.
_MIDDLE: Final = 0.7

_COARSE_PX: Final = 64
# Stripes and checks of a pixel or two would hide how the rest lies.
_COARSE_NOISE: Final = 0.7
_COARSE_OUTLINE: Final = 3.0
# Of 504 planted copies all but two scored 0.70 or more at the coarse size; of the other candidates
# four of five stayed below this.
_COARSE_MIN: Final = 0.6

_FINE_PX: Final = 128
_FINE_NOISE: Final = 0.7
_FINE_TEXTURE: Final = 3.0
# Texture fainter than about this many grey values is damped: JPEG's own noise is no evidence.
_FAINT: Final = 4.0
_FINE_STEPS: Final = (0.03, 0.015, 0.0075)
# A step of the fine search that stays below this is not followed up.
_HOPELESS: Final = 0.5
_KEPT_IMAGES: Final = 1024


class ImageByRow(Protocol):
    """What one image at a time is asked of."""

    def __getitem__(self, row: int, /) -> Pixels:
        """Return the (H, W, 3) uint8 image of a row."""


def texture_similarity(
    pixels: ImageByRow,
    pairs: Sequence[tuple[int, int]],
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Floats:
    """Return how well each pair (P,) can be laid onto one another: (P,) in 0..1, 1 is the same.

    Args:
        pixels: the model's input images, by row.
        pairs: row numbers.
        advance: called with the number of rows passed since; that needs pairs in order of their first row.
    """
    prepare = lru_cache(_KEPT_IMAGES)(partial(_prepare, pixels))

    def compare(pair: tuple[int, int]) -> float:
        return _compare(prepare(pair[0]), prepare(pair[1]))

    scores = np.zeros(len(pairs), dtype=np.float32)
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="align") as pool:
        passed = 0
        for index, score in enumerate(pool.map(compare, pairs)):
            scores[index] = score
            advance(pairs[index][0] - passed)
            passed = pairs[index][0]
    return scores


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placement:
    """The best place of one image's middle in another image."""

    score: float
    scale: float
    mirrored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """An image that is searched in. `deviations`: of the part below each template, by its side."""

    spectrum: Spectrum
    deviations: dict[int, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """The middle of an image at one scale, as it is and mirrored: (2, px, px // 2 + 1)."""

    scale: float
    side: int
    spectra: Spectrum


@dataclass(frozen=True, slots=True, kw_only=True)
class _PreparedImage:
    grey: Image.Image
    target: _Target
    templates: tuple[_Template, ...]


def _prepare(pixels: ImageByRow, row: int) -> _PreparedImage:
    grey = Image.fromarray(pixels[row]).convert("L")
    templates = tuple(_make_template(grey, scale, _COARSE_PX, _outlines) for scale in _SCALES)
    target = _make_target(_outlines(_resized(grey, _COARSE_PX)), [t.side for t in templates])
    return _PreparedImage(grey=grey, target=target, templates=templates)


def _compare(one: _PreparedImage, other: _PreparedImage) -> float:
    """Try either image as the smaller view of the other."""
    inward = _search(one.templates, other.target, _COARSE_PX)
    outward = _search(other.templates, one.target, _COARSE_PX)
    if max(inward.score, outward.score) < _COARSE_MIN:
        return 0.0
    if inward.score >= outward.score:
        return _refine(one, other, inward)
    return _refine(other, one, outward)


def _refine(inner: _PreparedImage, outer: _PreparedImage, found: _Placement) -> float:
    """Search at a finer size around the scale that was found."""
    image = _texture(_resized(outer.grey, _FINE_PX))
    tried: dict[float, float] = {}

    def score(scale: float) -> float:
        if scale not in tried:
            template = _make_template(inner.grey, scale, _FINE_PX, _texture)
            target = _make_target(image, [template.side])
            tried[scale] = _search([template], target, _FINE_PX, found.mirrored).score
        return tried[scale]

    best = found.scale
    for step in _FINE_STEPS:
        best = max((best, best - step, min(best + step, 1.0)), key=score)
        if score(best) < _HOPELESS:
            break
    return score(best)


def _search(
    templates: Sequence[_Template], target: _Target, px: int, mirrored: bool | None = None
) -> _Placement:
    """Return the best placement; `mirrored` says which way to look, both where it is None."""
    ways = (False, True) if mirrored is None else (mirrored,)
    spectra = np.stack([template.spectra[int(way)] for template in templates for way in ways])
    products = fft.irfft2(spectra * target.spectrum, (px, px))
    best = _Placement(score=0.0, scale=1.0, mirrored=False)
    for index, product in enumerate(products):
        template, way = templates[index // len(ways)], ways[index % len(ways)]
        places = px - template.side + 1
        score = float((product[:places, :places] / target.deviations[template.side]).max())
        if score > best.score:
            best = _Placement(score=score, scale=template.scale, mirrored=way)
    return best


def _make_template(
    grey: Image.Image, scale: float, px: int, filtered: Callable[[Floats], Floats]
) -> _Template:
    whole = filtered(_resized(grey, round(px * scale)))
    side = round(px * _MIDDLE * scale)
    start = (len(whole) - side) // 2
    middle = whole[start : start + side, start : start + side]
    middle = middle - middle.mean()
    # A blank middle has nothing to be found by: its length stays near 0, and so do its scores.
    middle = middle / max(float(np.linalg.norm(middle)), 1e-2)
    both = np.stack([middle, middle[:, ::-1]])
    return _Template(scale=scale, side=side, spectra=fft.rfft2(both, (px, px)).conj())


def _make_target(image: Floats, sides: Sequence[int]) -> _Target:
    # In float64: differences of running sums lose digits.
    precise = image.astype(np.float64)
    deviations = {side: _windowed_deviation(precise, side) for side in sides}
    return _Target(spectrum=fft.rfft2(image), deviations=deviations)


def _windowed_deviation(image: Doubles, side: int) -> Floats:
    """Return the length of each side x side window about its mean, by running sums."""
    sums, squares = _window_sums(image, side), _window_sums(image**2, side)
    variance = np.maximum(squares - sums**2 / side**2, 1e-4)
    deviation: Floats = np.sqrt(variance).astype(np.float32)
    return deviation


def _window_sums(image: Doubles, side: int) -> Doubles:
    running = np.pad(image.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    right = running[:, side:] - running[:, :-side]
    sums: Doubles = right[side:] - right[:-side]
    return sums


def _resized(grey: Image.Image, px: int) -> Floats:
    # Antialiased well: a box filter turns stripes and checks into a pattern that each scale has anew.
    return np.asarray(grey.resize((px, px), Image.Resampling.BICUBIC), dtype=np.float32)


def _outlines(image: Floats) -> Floats:
    """Take the slow changes of brightness away, and the finest."""
    smooth = ndimage.gaussian_filter(image, _COARSE_NOISE)
    detail: Floats = smooth - ndimage.gaussian_filter(smooth, _COARSE_OUTLINE)
    return detail


def _texture(image: Floats) -> Floats:
    """Keep detail of a few pixels, about equally strong everywhere."""
    smooth = ndimage.gaussian_filter(image, _FINE_NOISE)
    detail = smooth - ndimage.gaussian_filter(smooth, _FINE_TEXTURE)
    contrast = np.sqrt(ndimage.gaussian_filter(detail**2, _FINE_TEXTURE))
    texture: Floats = detail / (contrast + _FAINT)
    return texture
