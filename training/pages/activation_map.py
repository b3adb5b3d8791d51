"""The activation map over a photo: where the model looked."""

from typing import Final

import numpy as np
from PIL import Image

from training.pages.thumbnails import jpeg_url, thumbnail
from training.runtime.arrays import Floats, Pixels

# From "says nothing" to "speaks for the answer": dark blue, purple, orange, yellow, as in the
# perceptually uniform maps, so that it reads in grey and by the colour-blind too.
_COLOURS: Final = np.array(
    [[13, 8, 135], [126, 3, 168], [204, 71, 120], [248, 149, 64], [240, 249, 33]], dtype=np.float64
)
_HEAT_SHARE: Final = 0.55


def heat_url(pixels: Pixels, activation_map: Floats) -> str:
    """Return (H, W, 3) uint8 RGB in grey under its activation map (h, w) of 0..1, as a data URL."""
    grey = thumbnail(pixels).convert("L").convert("RGB")
    heat = Image.fromarray(_coloured(activation_map)).resize(grey.size, Image.Resampling.BICUBIC)
    return jpeg_url(Image.blend(grey, heat, _HEAT_SHARE))


def _coloured(activation_map: Floats) -> Pixels:
    stops = np.linspace(0, 1, len(_COLOURS))
    channels = [np.interp(activation_map, stops, _COLOURS[:, i]) for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)
