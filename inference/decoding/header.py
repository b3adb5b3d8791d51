"""What the header of any accepted format says: the size, and what decoding will cost at most."""

from dataclasses import dataclass
from typing import Final

from inference.errors import UndecodableImage

# A directory of EXIF tags is read tag by tag, in Python; cameras write some sixty.
_MAX_EXIF_TAGS: Final = 2_000
_TAG_BYTES: Final = 12
# Pillow keeps three channels in four bytes.
RGB_BYTES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The stored size in pixels and the cost of decoding, both as an upper bound from the header alone.

    `seconds` are of one core of 2020 or later; `memory_bytes` are the peak, without the encoded file.
    """

    size_wh: tuple[int, int]
    seconds: float
    memory_bytes: int

    @property
    def num_pixels(self) -> int:
        """Width times height."""
        return self.size_wh[0] * self.size_wh[1]


def too_many(what: str, image_format: str) -> UndecodableImage:
    """Return the error for a file that is made of more parts than an honest one."""
    return UndecodableImage(
        f"{image_format} image has too many {what}; save it again with an image editor"
    )


def check_exif(block: bytes, image_format: str) -> None:
    """Refuse an EXIF block, from its TIFF header on, with more tags than any camera writes.

    Raises:
        UndecodableImage: too many tags.
    """
    start = _unsigned(block, block[4:8])
    claimed = _unsigned(block, block[start : start + 2])
    if min(claimed, (len(block) - start) // _TAG_BYTES) > _MAX_EXIF_TAGS:
        raise too_many("EXIF tags", image_format)


def _unsigned(block: bytes, field: bytes) -> int:
    return int.from_bytes(field, "big" if block.startswith(b"MM") else "little")
