"""Samples of more than 8 bits to 8, so that no picture comes out black.

Cameras, scanners and detectors of 10, 12 or 14 bits write their numbers into 16-bit files as they are, and
white is then 4,095 rather than 65,535. The rule, for each image by itself:

* whole numbers from 0 to 65,535: of 8, 10, 12, 14 and 16 bits the fewest that hold all but one in a thousand
  of the samples; those are shifted down to 8 bits, what is above is white. Full 16 bits keep their high byte.
* floating-point numbers from 0 to 1 (at least 1/16 somewhere): 1 is white. From 0 to 65,535 (at least 16
  somewhere): as whole numbers.
* all others (below 0, above 65,535, tiny): the lowest is black, the highest white. What is no number is 0.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

STRIP_PIXELS: Final = 2**18
_BITS: Final = (8, 10, 12, 14, 16)
_OUTLIERS: Final = 1000  # one in so many
_HIGHEST: Final = 2**16 - 1
_LEAST_OF_ONE: Final = 1 / 16
_LEAST_OF_WHOLE: Final = 16.0

_Samples = npt.NDArray[Any]
_Scale = Callable[[_Samples], npt.NDArray[np.uint8]]


def grey_to_8_bits(image: Image.Image, *, white_is_zero: bool = False) -> Image.Image:
    """Return a grey image of mode "I;16…", "I" or "F" in mode "L"."""
    measured = _Range()
    for box in strips(image.size):
        measured.add(_samples(image, box))
    scale = measured.scale()
    result = Image.new("L", image.size)
    transparent = image.info.get("transparency")
    for box in strips(image.size):
        samples = _samples(image, box)
        grey = scale(samples)
        if white_is_zero:
            grey = 255 - grey
        if isinstance(transparent, int):
            grey[samples == transparent] = 255
        result.paste(Image.fromarray(grey), box)
    return result


def bits_of_high_bytes(high: Image.Image) -> int:
    """Return how many bits 16-bit colours use, from an image of their high bytes; 8 may be 8 or less."""
    counts = np.asarray(high.histogram()).reshape(-1, 256)[:3].sum(axis=0)
    allowed = int(counts.sum()) // _OUTLIERS
    for bits in _BITS[:-1]:
        if int(counts[2 ** (bits - 8) :].sum()) <= allowed:
            return bits
    return 16


def join_bytes(high: Image.Image, low: Image.Image, bits: int) -> None:
    """Bring colours of so many bits, given as high and low bytes, to 8 bits, in `high` and in place.

    A fourth channel, alpha, stays as it is.
    """
    for box in strips(high.size):
        upper = np.array(high.crop(box))
        lower = np.asarray(low.crop(box))
        joined = (upper[..., :3].astype(np.uint16) << 8 | lower[..., :3]) >> (bits - 8)
        upper[..., :3] = np.minimum(joined, 255)
        high.paste(Image.fromarray(upper, high.mode), box)


def strips(size_wh: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes of whole rows, few enough that working on one takes little memory."""
    width, height = size_wh
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _samples(image: Image.Image, box: tuple[int, int, int, int]) -> _Samples:
    samples = np.asarray(image.crop(box))
    return np.nan_to_num(samples, posinf=None) if image.mode == "F" else samples


@dataclass(slots=True)
class _Range:
    """What values an image has: the ends, and how many are above each number of bits."""

    lowest: float = np.inf
    highest: float = -np.inf
    count: int = 0
    above: dict[int, int] = field(default_factory=lambda: dict.fromkeys(_BITS, 0))
    is_whole: bool = True

    def add(self, samples: _Samples) -> None:
        self.lowest = min(self.lowest, float(samples.min()))
        self.highest = max(self.highest, float(samples.max()))
        self.count += samples.size
        self.is_whole = samples.dtype.kind != "f"
        for bits in _BITS:
            self.above[bits] += int(np.count_nonzero(samples >= 2**bits))

    def scale(self) -> _Scale:
        if self.lowest >= 0 and self.highest <= _HIGHEST:
            if self.is_whole or self.highest >= _LEAST_OF_WHOLE:
                return self._shift
            if _LEAST_OF_ONE <= self.highest <= 1:
                return _from_one
        return self._stretch

    def _shift(self, samples: _Samples) -> npt.NDArray[np.uint8]:
        allowed = self.count // _OUTLIERS
        bits = next(bits for bits in _BITS if self.above[bits] <= allowed)
        whole = samples.astype(np.int64) >> (bits - 8)
        return _bytes(np.minimum(whole, 255))

    def _stretch(self, samples: _Samples) -> npt.NDArray[np.uint8]:
        span = self.highest - self.lowest
        if span <= 0:
            return np.zeros(samples.shape, np.uint8)
        share = (samples.astype(np.float64) - self.lowest) / span
        return _from_one(share)


def _from_one(samples: _Samples) -> npt.NDArray[np.uint8]:
    return _bytes(np.rint(samples * 255.0).clip(0, 255))


def _bytes(samples: _Samples) -> npt.NDArray[np.uint8]:
    narrowed: npt.NDArray[np.uint8] = samples.astype(np.uint8)
    return narrowed
