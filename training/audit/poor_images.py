"""Images that are poor in themselves: too small, dark, blank, blurry; by the facts that the scan noted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.data.scan import ScannedImage

# Grey values, 0..255. The darkest of 3,400 sound images (garments, faces, CIFAR-10) has a mean of 24,
# the plainest a standard deviation of 7.
_DARK_BRIGHTNESS: Final = 20.0
_BLANK_CONTRAST: Final = 4.0
# Blurry is what has little sharpness in itself and is also far below the folder's median, on a
# logarithmic scale: a folder of smooth things is not blurry.
_BLURRY_SHARPNESS: Final = 30.0
_BLURRY_DEVIATIONS: Final = 3.0
_MAD_TO_DEVIATION: Final = 1.4826


@dataclass(frozen=True, slots=True, kw_only=True)
class PoorImages:
    """Rows, ascending. An image is named under the first of dark, blank and blurry that fits."""

    too_small: tuple[int, ...]
    dark: tuple[int, ...]
    blank: tuple[int, ...]
    blurry: tuple[int, ...]


def find_poor_images(images: Sequence[ScannedImage], *, backbone_px: int) -> PoorImages:
    """Return the images that carry little information.

    Args:
        images: by row.
        backbone_px: side of the model's input; too small is what must be enlarged more than twice.
    """
    small = {i.row for i in images if min(i.facts.width_px, i.facts.height_px) * 2 < backbone_px}
    blank = {i.row for i in images if i.facts.contrast < _BLANK_CONTRAST}
    dark = {i.row for i in images if i.facts.brightness < _DARK_BRIGHTNESS}
    blurry = _blurry(images) - blank - dark
    return PoorImages(
        too_small=tuple(sorted(small)),
        dark=tuple(sorted(dark)),
        blank=tuple(sorted(blank - dark)),
        blurry=tuple(sorted(blurry)),
    )


def _blurry(images: Sequence[ScannedImage]) -> set[int]:
    sharpness = np.log([max(image.facts.sharpness, 1e-2) for image in images])
    median = np.median(sharpness)
    deviation = _MAD_TO_DEVIATION * np.median(np.abs(sharpness - median))
    limit = min(float(median - _BLURRY_DEVIATIONS * deviation), float(np.log(_BLURRY_SHARPNESS)))
    return {images[int(index)].row for index in np.flatnonzero(sharpness < limit)}
