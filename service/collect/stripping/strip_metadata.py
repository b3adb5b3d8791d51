"""An encoded image in, the same without metadata out."""

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from inference.decoding import read_orientation
from inference.formats import sniff_format
from service.collect.stripping import bmp, gif, jpeg, png, webp
from service.collect.stripping.parts import UPRIGHT, CannotStrip, StrippedImage

_FORMATS: Final[Mapping[str, ModuleType]] = {
    "JPEG": jpeg,
    "PNG": png,
    "WEBP": webp,
    "GIF": gif,
    "BMP": bmp,
}


def strip_metadata(data: bytes) -> StrippedImage:
    """Return an image that can be decoded without its metadata.

    Raises:
        CannotStrip: the file is not made as its format says, or has no place for what turns it.
        ImageError: it cannot be decoded.
    """
    image_format = sniff_format(data)
    if image_format not in _FORMATS:
        raise CannotStrip(f"{image_format}: its metadata cannot be taken out")
    stripper = _FORMATS[image_format]
    orientation = read_orientation(data) if stripper.may_be_turned(data) else UPRIGHT
    return StrippedImage(data=stripper.strip(data, orientation), image_format=image_format)
