"""The largest image that is decoded, in bytes and pixels and in what decoding may cost."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Final

# Pillow refuses more than this by itself.
MAX_PIXELS: Final = 178_956_970
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """The largest image that is decoded.

    Attributes:
        max_bytes: encoded.
        max_pixels, max_side_px: from its header.
        max_seconds: of a core, from its header and then by the clock. The dearest honest images of 50
            million pixels take 0.8 to 1.2 s.
        max_memory_bytes: at the peak, beside the encoded file, from its header.

    Raises:
        ValueError: a limit is not positive, or `max_pixels` is above 178,956,970 (Pillow's own limit).
    """

    max_bytes: int = 16 * 2**20
    max_pixels: int = 50_000_000
    max_side_px: int = MAX_PIXELS
    max_seconds: float = 1.6
    max_memory_bytes: int = 480_000_000

    def __post_init__(self) -> None:
        if min(dataclasses.astuple(self)) <= 0:
            raise ValueError(f"decode limits must be positive, got {self}")
        if self.max_pixels > MAX_PIXELS:
            raise ValueError(f"max_pixels must be at most {MAX_PIXELS:,}, got {self.max_pixels:,}")


DEFAULT_LIMITS: Final = DecodeLimits()


def limits_for(
    *, max_bytes: int, max_pixels: int, max_side_px: int = DEFAULT_LIMITS.max_side_px
) -> DecodeLimits:
    """Return limits as a person sets them: who allows more pixels allows them their seconds and memory too.

    Raises:
        ValueError: as `DecodeLimits`.
    """
    more = max(1.0, max_pixels / DEFAULT_LIMITS.max_pixels)
    return DecodeLimits(
        max_bytes=max_bytes,
        max_pixels=max_pixels,
        max_side_px=max_side_px,
        max_seconds=DEFAULT_LIMITS.max_seconds * more,
        max_memory_bytes=round(DEFAULT_LIMITS.max_memory_bytes * more),
    )


def pixels_to_admit(pixels: int, seconds: float, memory_bytes: int) -> int | None:
    """Return the least limit in pixels, in whole millions, by which `limits_for` admits such an image.

    None where even Pillow's own limit does not.
    """
    seconds_share = seconds / DEFAULT_LIMITS.max_seconds
    memory_share = memory_bytes / DEFAULT_LIMITS.max_memory_bytes
    needed = max(pixels, max(seconds_share, memory_share) * DEFAULT_LIMITS.max_pixels)
    rounded = math.ceil(needed / _MILLION) * _MILLION
    return rounded if rounded <= MAX_PIXELS else None


# Of a person's own files, where nobody else can send any: also a phone's HEIC of 48 million pixels, and a
# scanner's TIFF.
OWN_FILES_LIMITS: Final = limits_for(max_bytes=256 * 2**20, max_pixels=100_000_000)


def over_byte_limit(max_bytes: int) -> str:
    """Return the message for an encoded image over the limit, for whoever stops reading at it.

    The size is not named: who stops there does not know it.
    """
    return f"image is over {max_bytes:,} bytes; make it smaller"
