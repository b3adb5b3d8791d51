"""Small pictures inside the page: what the model saw, and where it looked."""

import base64
import io
from typing import Final

import numpy as np
from PIL import Image

from training.runtime.arrays import Floats, Pixels

_SIDE_PX: Final = 144
MAX_BYTES: Final = 10_000
_QUALITIES: Final = (80, 60, 40, 20)
# From "says nothing" to "speaks for the answer": dark blue, purple, orange, yellow, as in the
# perceptually uniform maps, so that it reads in grey and by the colour-blind too.
_COLOURS: Final = np.array(
    [[13, 8, 135], [126, 3, 168], [204, 71, 120], [248, 149, 64], [240, 249, 33]], dtype=np.float64
)
_HEAT_SHARE: Final = 0.55


def photo_url(pixels: Pixels) -> str:
    """Return (H, W, 3) uint8 RGB as a data URL of a JPEG."""
    return _as_url(_thumbnail(pixels))


def heat_url(pixels: Pixels, activation_map: Floats) -> str:
    """Return the same in grey under an activation map (h, w) of 0..1."""
    grey = _thumbnail(pixels).convert("L").convert("RGB")
    heat = Image.fromarray(_coloured(activation_map)).resize(grey.size, Image.Resampling.BICUBIC)
    return _as_url(Image.blend(grey, heat, _HEAT_SHARE))


def _thumbnail(pixels: Pixels) -> Image.Image:
    """Return the picture with its longer side of one length; small ones are enlarged."""
    image = Image.fromarray(pixels)
    scale = _SIDE_PX / max(image.size)
    size_wh = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    return image.resize(size_wh, Image.Resampling.BICUBIC)


def _coloured(activation_map: Floats) -> Pixels:
    stops = np.linspace(0, 1, len(_COLOURS))
    channels = [np.interp(activation_map, stops, _COLOURS[:, i]) for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _as_url(image: Image.Image) -> str:
    """Encode at the best quality that stays within `MAX_BYTES`, else at the lowest."""
    for quality in _QUALITIES:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality)
        if stream.tell() <= MAX_BYTES:
            break
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
