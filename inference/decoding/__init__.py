"""Encoded bytes to an upright RGB image: the one decoder of training, the service and the tools.

Each odd file has one treatment, the same on both sides:

* format by magic bytes, from an allow-list (`formats.py`); of an animation, a live photo, a gain map, a TIFF
  of many pages and an icon of many sizes one picture is taken: the first, the primary, the largest;
* EXIF orientation is applied; an EXIF block that cannot be read counts as upright;
* transparency is composited over white; palette, grey and CMYK become 8-bit RGB;
* samples of more than 8 bits are scaled by the bits that they use (`deep_samples.py`), and colours that have
  a profile are converted to sRGB (`colour_profile.py`); packages of before keep their rules
  (`versions.py`);
* a JPEG that ends too early is filled up as libjpeg does, and noted, where up to a fifth of its rows are
  missing; other truncated data is refused, never padded with grey;
* texts in a PNG never hinder its picture; a colour profile that unpacks to more than 1 MiB is ignored;
* bytes and pixels are limited, and so is what decoding costs, from the header before anything is
  decoded: each format has a `…_header.py` that counts the parts of a file and says what it will take.
"""

from inference.decoding.decoder import DecodedImage, decode_image, read_orientation
from inference.decoding.header import Header
from inference.decoding.headers import read_header
from inference.decoding.limits import (
    DEFAULT_LIMITS,
    OWN_FILES_LIMITS,
    DecodeLimits,
    limits_for,
    over_byte_limit,
)
from inference.decoding.versions import CURRENT_DECODER

__all__ = [
    "CURRENT_DECODER",
    "DEFAULT_LIMITS",
    "OWN_FILES_LIMITS",
    "DecodeLimits",
    "DecodedImage",
    "Header",
    "decode_image",
    "limits_for",
    "over_byte_limit",
    "read_header",
    "read_orientation",
]
