"""A copy of a picture whose file cannot be taken apart: its upright pixels, encoded again without loss.

For formats that hold metadata in many places (HEIC, AVIF, TIFF, JPEG 2000), or that browsers and tools read
seldom (ICO, PNM), and for files that are not made as their format says.
"""

import io
from typing import Final

from PIL import Image

from inference.decoding import DecodeLimits, decode_image
from inference.formats import sniff_format
from service.collect.stripping.parts import StrippedImage

# Training and the models see far less; a photo of 12 megapixels would take 20 MB without loss.
_LONGER_PX: Final = 2048
# What can be decoded at a fraction of its size keeps at least twice this.
_SHORTER_PX: Final = 512
# Behind the requests, but in their process: what costs more than a large photo is not kept. Its bytes were
# bounded when it was read.
_LIMITS: Final = DecodeLimits(max_bytes=2**40, max_memory_bytes=180_000_000)
_FASTEST: Final = {"lossless": True, "quality": 0, "method": 0}


def copy_pixels(data: bytes) -> StrippedImage:
    """Return the picture as a lossless WebP in sRGB, scaled down where a side is over 2048 px.

    Raises:
        ImageError: it cannot be decoded, or that takes too much time or memory.
    """
    decoded = decode_image(data, shorter_px=_SHORTER_PX, limits=_LIMITS)
    image = decoded.image
    image.thumbnail((_LONGER_PX, _LONGER_PX), Image.Resampling.LANCZOS, reducing_gap=3.0)
    copy = io.BytesIO()
    image.save(copy, "WEBP", **_FASTEST)
    width, height = decoded.source_wh
    return StrippedImage(
        data=copy.getvalue(),
        image_format="WEBP",
        copied_from=f"{sniff_format(data)}, {width}x{height} px",
    )
