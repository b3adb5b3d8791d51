"""What the formats have in common when a file is taken apart."""

import struct
from dataclasses import dataclass
from typing import Final

UPRIGHT: Final = 1
_ORIENTATION_TAG: Final = 0x0112
_SHORT: Final = 3


class CannotStrip(Exception):
    """The file is not made as its format says, or has no place for what turns it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrippedImage:
    """An encoded image without metadata.

    Attributes:
        data: the file.
        image_format: Pillow's name of its format.
        copied_from: format and size of what was sent, where its pixels were encoded again; else None.
    """

    data: bytes
    image_format: str
    copied_from: str | None = None


def orientation_exif(orientation: int) -> bytes:
    """Return an EXIF block (TIFF, little-endian) that says how the image is turned and nothing else."""
    entry = struct.pack("<HHIHH", _ORIENTATION_TAG, _SHORT, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
