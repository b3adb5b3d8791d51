"""BMP: it has no metadata but a colour profile, which may be the name of a file; and what is added behind."""

import struct
from typing import Final

from service.collect.stripping.parts import UPRIGHT, CannotStrip

_PIXELS_AT: Final = struct.Struct("<I")
_SIZE: Final = struct.Struct("<iiHHII")  # of the image: width, height, planes, bits, coding, bytes
_NEWEST_HEADER_BYTES: Final = 124
_COLOUR_SPACE_AT: Final = 14 + 56
_PROFILE_AT: Final = 14 + 112
_OF_RAW_PIXELS: Final = frozenset({0, 3, 6})


def may_be_turned(data: bytes) -> bool:
    """Return False: nothing turns a BMP."""
    return False


def strip(data: bytes, orientation: int) -> bytes:
    """Return the file without a profile and without what lies behind its pixels.

    Raises:
        CannotStrip: its header is of a kind that is not known, or it is cut short.
    """
    if orientation != UPRIGHT or len(data) < 54:
        raise CannotStrip("BMP: cut short")
    header_bytes = int.from_bytes(data[14:18], "little")
    width, height, _, bits, coding, image_bytes = _SIZE.unpack_from(data, 18)
    if not 40 <= header_bytes <= _NEWEST_HEADER_BYTES:
        raise CannotStrip(f"BMP: header of {header_bytes} bytes")
    if coding in _OF_RAW_PIXELS:
        image_bytes = (width * bits + 31) // 32 * 4 * abs(height)
    end = _PIXELS_AT.unpack_from(data, 10)[0] + image_bytes
    if image_bytes <= 0 or end > len(data):
        raise CannotStrip(f"BMP: {image_bytes} bytes of pixels")
    kept = bytearray(data[:end])
    kept[2:6] = _PIXELS_AT.pack(end)
    if header_bytes == _NEWEST_HEADER_BYTES:
        kept[_COLOUR_SPACE_AT : _COLOUR_SPACE_AT + 4] = b"BGRs"
        kept[_PROFILE_AT : _PROFILE_AT + 8] = bytes(8)
    return bytes(kept)
