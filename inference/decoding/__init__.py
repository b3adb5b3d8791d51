"""Encoded bytes to an upright RGB image: the one decoder of training, the service and the tools.

Each odd file has one treatment, the same on both sides:

* format by magic bytes, from an allow-list (`formats.py`); animations and MPO give their first frame;
* EXIF orientation is applied; an EXIF block that cannot be read counts as upright;
* transparency is composited over white; palette, grey, CMYK and 16-bit images become 8-bit RGB;
* colour profiles are ignored (the numbers are taken as sRGB);
* truncated data is refused, never padded with grey; so is a PNG whose compressed text or colour
  profile inflates beyond Pillow's 1 MiB, sound pixels or not, for that is how bombs are built;
* bytes and pixels are limited, and so is what decoding costs, from the header before anything is
  decoded: each format has a `…_header.py` that counts the parts of a file and says what it will take.
"""

from inference.decoding.decoder import DecodedImage, decode_image, read_header, read_orientation
from inference.decoding.header import Header
from inference.decoding.limits import DEFAULT_LIMITS, DecodeLimits, over_byte_limit

__all__ = [
    "DEFAULT_LIMITS",
    "DecodeLimits",
    "DecodedImage",
    "Header",
    "decode_image",
    "over_byte_limit",
    "read_header",
    "read_orientation",
]
