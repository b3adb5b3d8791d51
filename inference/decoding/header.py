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

    Attributes:
        size_wh: (width, height) as stored, before any turn.
        seconds: of one core of 2020 or later.
        memory_bytes: at the peak, without the encoded file.
        scale: 1, 2, 4 or 8: the decoder gives one pixel for so many of the stored ones, each way.
        has_long_texts: texts and the like are better taken out before the file is opened.
    """

    size_wh: tuple[int, int]
    seconds: float
    memory_bytes: int
    scale: int = 1
    has_long_texts: bool = False

    @property
    def num_pixels(self) -> int:
        """Width times height."""
        return self.size_wh[0] * self.size_wh[1]

    @property
    def num_decoded_pixels(self) -> int:
        """Those that there are after decoding at `scale`."""
        width, height = (-(-side // self.scale) for side in self.size_wh)
        return width * height


def power_of_two_scale(size_wh: tuple[int, int], shorter_px: int | None) -> int:
    """Return 8, 4 or 2 where an image may be decoded at that fraction of its size, else 1.

    The smallest scale whose shorter side stays at least twice `shorter_px`.
    """
    if shorter_px is None:
        return 1
    for scale in (8, 4, 2):
        # libjpeg rounds up: the decoded side is ceil(side / scale).
        if -(-min(size_wh) // scale) >= 2 * shorter_px:
            return scale
    return 1


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
