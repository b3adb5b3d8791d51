"""Any mode of Pillow to RGB, in strips: beside the image that was decoded there is only the result.

Modes with alpha are composited over white, 16-bit grey keeps its high byte.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image

_STRIP_PIXELS: Final = 2**18
_WHITE: Final = (255, 255, 255, 255)


def to_rgb(image: Image.Image) -> Image.Image:
    """Return an image in mode "RGB"; the same object where it is one already.

    Raises:
        ValueError: a palette image without a palette.
    """
    if image.mode == "P" and image.palette is None:
        raise ValueError("no palette")  # Pillow asserts that there is one
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith(("I", "F")):
        return _in_strips(image, _deep_grey_to_rgb)
    if image.has_transparency_data:
        return _in_strips(image, _over_white)
    return image.convert("RGB")


def _in_strips(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    if image.width * image.height <= _STRIP_PIXELS:
        return convert(image)
    result = Image.new("RGB", image.size)
    for box in _strips(image.size):
        # `crop` keeps the palette and what is said of transparency.
        result.paste(convert(image.crop(box)), box)
    return result


def _strips(size_wh: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    width, height = size_wh
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _over_white(image: Image.Image) -> Image.Image:
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    return Image.alpha_composite(_white(rgba.size), rgba).convert("RGB")


@lru_cache(maxsize=4)  # nearly all strips of an image are of one size
def _white(size_wh: tuple[int, int]) -> Image.Image:
    return Image.new("RGBA", size_wh, _WHITE)


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """16-bit grey: keep the high byte, as Pillow does for 16-bit colour PNG."""
    samples = np.asarray(image).astype(np.int64).clip(0, 65535)
    grey = (samples >> 8).astype(np.uint8)
    if "transparency" in image.info:
        grey[samples == image.info["transparency"]] = 255
    return Image.fromarray(grey).convert("RGB")
