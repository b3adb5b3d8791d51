"""The one entry: an encoded image in, the same without metadata out."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from inference.decoding import read_orientation
from inference.formats import sniff_format
from service.collect.stripping import bmp, gif, jpeg, png, webp
from service.collect.stripping.parts import UPRIGHT, CannotStrip

_FORMATS: Final[Mapping[str, ModuleType]] = {
    "JPEG": jpeg,
    "PNG": png,
    "WEBP": webp,
    "GIF": gif,
    "BMP": bmp,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StrippedImage:
    """An encoded image without metadata; `image_format` is Pillow's name of its format."""

    data: bytes
    image_format: str


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
