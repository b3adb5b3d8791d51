"""What the formats have in common when a file is taken apart."""

import struct
from typing import Final

UPRIGHT: Final = 1
_ORIENTATION_TAG: Final = 0x0112
_SHORT: Final = 3


class CannotStrip(Exception):
    """The file is not made as its format says, or has no place for what turns it."""


def orientation_exif(orientation: int) -> bytes:
    """Return an EXIF block (TIFF, little-endian) that says how the image is turned and nothing else."""
    entry = struct.pack("<HHIHH", _ORIENTATION_TAG, _SHORT, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
