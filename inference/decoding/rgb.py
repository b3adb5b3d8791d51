"""Any mode of Pillow to RGB, in strips: beside the image that was decoded there is only the result.

Modes with alpha are composited over white; of 16-bit grey the high byte is kept here, which is the rule
of decoder 1 (`versions.py`).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image

from inference.decoding.colour_profile import converted, is_converted, space_of
from inference.decoding.deep_samples import STRIP_PIXELS, strips
from inference.decoding.header import power_of_two_scale

_GREYS: Final = frozenset({"1", "L", "LA", "La"})
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


def with_profile(
    image: Image.Image, profile: object, shorter_px: int | None
) -> tuple[Image.Image, int]:
    """Return an image of up to 8 bits a channel in mode "RGB" and in sRGB, and how far it was reduced.

    What has to be converted is reduced first, while its shorter side stays at least twice `shorter_px`:
    converting a pixel takes longer than decoding it.
    """
    space = space_of(profile)
    fits = {
        "RGB": image.mode != "CMYK",
        "L": image.mode in _GREYS,
        "CMYK": image.mode == "CMYK",
        None: False,
    }
    if not isinstance(profile, bytes) or space is None or not fits[space]:
        return to_rgb(image), 1
    if not is_converted(profile, space):
        return to_rgb(image), 1
    if space != "CMYK":
        image = to_rgb(image)
    if space == "L":
        image = image.getchannel(0)
    factor = power_of_two_scale(image.size, shorter_px)
    if factor > 1:
        image = image.reduce(factor)
    return to_rgb(converted(image, profile)), factor


def _in_strips(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    if image.width * image.height <= STRIP_PIXELS:
        return convert(image)
    result = Image.new("RGB", image.size)
    for box in strips(image.size):
        # `crop` keeps the palette and what is said of transparency.
        result.paste(convert(image.crop(box)), box)
    return result


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode == "La":  # which Pillow converts to this alone
        image = image.convert("LA")
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
