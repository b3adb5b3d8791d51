"""Photos inside a page: small, as data URLs."""

import base64
import io
from typing import Final

from PIL import Image

from training.runtime.arrays import Pixels

_SIDE_PX: Final = 144
MAX_BYTES: Final = 10_000
_QUALITIES: Final = (80, 60, 40, 20)


def photo_url(pixels: Pixels) -> str:
    """Return (H, W, 3) uint8 RGB as a data URL of a JPEG."""
    return jpeg_url(thumbnail(pixels))


def thumbnail(pixels: Pixels) -> Image.Image:
    """Return the picture with its longer side of one length; small ones are enlarged."""
    image = Image.fromarray(pixels)
    scale = _SIDE_PX / max(image.size)
    size_wh = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    return image.resize(size_wh, Image.Resampling.BICUBIC)


def jpeg_url(image: Image.Image) -> str:
    """Encode at the best quality that stays within `MAX_BYTES`, else at the lowest."""
    for quality in _QUALITIES:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality)
        if stream.tell() <= MAX_BYTES:
            break
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
