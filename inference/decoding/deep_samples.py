"""Samples of more than 8 bits to 8, so that no picture comes out black.

Cameras, scanners and detectors of 10, 12 or 14 bits write their numbers into 16-bit files as they are, and
white is then 4,095 rather than 65,535. The rule, for each image by itself:

* whole numbers from 0 to 65,535: of 8, 10, 12, 14 and 16 bits the fewest that hold all but one in a thousand
  of the samples; those are shifted down to 8 bits, what is above is white. Full 16 bits keep their high byte.
* floating-point numbers from 0 to 1 (at least 1/16 somewhere): 1 is white. From 0 to 65,535 (at least 16
  somewhere): as whole numbers.
* all others (below 0, above 65,535, tiny): the lowest is black, the highest white. One value that is further
  from all others than four times what these span, such as -32,768 around a round scan, is padding: it is
  left out of the range. So is infinity, and what is no number, which is black. (Before decoder 3 there was
  no padding, and what is no number was 0.)
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.decoding.versions import CURRENT_DECODER

STRIP_PIXELS: Final = 2**18
_BITS: Final = (8, 10, 12, 14, 16)
_OUTLIERS: Final = 1000  # one in so many
_HIGHEST: Final = 2**16 - 1
_LEAST_OF_ONE: Final = 1 / 16
_LEAST_OF_WHOLE: Final = 16.0
_PADDING_GAP: Final = 4

_Samples = npt.NDArray[Any]
Scale = Callable[[_Samples], npt.NDArray[np.uint8]]


def grey_to_8_bits(
    image: Image.Image, *, white_is_zero: bool = False, decoder: int = CURRENT_DECODER
) -> Image.Image:
    """Return a grey image of mode "I;16…", "I" or "F" in mode "L"."""

    def pieces() -> Iterator[_Samples]:
        for box in strips(image.size):
            yield _samples(image, box, decoder)

    scale = scale_of(pieces, leaves_out_padding=decoder >= 3)
    result = Image.new("L", image.size)
    transparent = image.info.get("transparency")
    for box in strips(image.size):
        samples = _samples(image, box, decoder)
        grey = scale(samples)
        if white_is_zero:
            grey = 255 - grey
        if isinstance(transparent, int):
            grey[samples == transparent] = 255
        result.paste(Image.fromarray(grey), box)
    return result


def scale_of(pieces: Callable[[], Iterable[_Samples]], *, leaves_out_padding: bool = True) -> Scale:
    """Return what makes an image's samples, of any shape, 8 bits.

    Args:
        pieces: gives all samples of the image, some at a time; called twice where the ends have to be found.
        leaves_out_padding: one value far from all others is not counted.
    """
    measured = _Range()
    for samples in pieces():
        measured.add(samples)
    if measured.is_stretched and leaves_out_padding:
        measured.leave_out_padding(pieces())
    return measured.scale()


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


def _samples(image: Image.Image, box: tuple[int, int, int, int], decoder: int) -> _Samples:
    samples = np.asarray(image.crop(box))
    is_cleaned = decoder < 3 and image.mode == "F"
    return np.nan_to_num(samples, posinf=None) if is_cleaned else samples


@dataclass(slots=True)
class _Range:
    """What values an image has: the ends, and how many are above each number of bits."""

    lowest: float = np.inf
    highest: float = -np.inf
    count: int = 0
    above: dict[int, int] = field(default_factory=lambda: dict.fromkeys(_BITS, 0))
    is_whole: bool = True

    def add(self, samples: _Samples) -> None:
        self.is_whole = samples.dtype.kind != "f"
        if not self.is_whole:
            samples = samples[np.isfinite(samples)]
        if not samples.size:
            return
        self.lowest = min(self.lowest, float(samples.min()))
        self.highest = max(self.highest, float(samples.max()))
        self.count += samples.size
        for bits in _BITS:
            self.above[bits] += int(np.count_nonzero(samples >= 2**bits))

    @property
    def is_stretched(self) -> bool:
        """Whether the lowest is black and the highest white."""
        return self.scale() == self._stretch

    def leave_out_padding(self, pieces: Iterable[_Samples]) -> None:
        """Let the range begin at the second value, or end at the last but one, where there is a wide gap."""
        second, last_but_one = np.inf, -np.inf
        for samples in pieces:
            within = samples[(samples > self.lowest) & (samples < self.highest)]
            if within.size:
                second = min(second, float(within.min()))
                last_but_one = max(last_but_one, float(within.max()))
        if second - self.lowest > _PADDING_GAP * (self.highest - second) > 0:
            self.lowest = second
        elif self.highest - last_but_one > _PADDING_GAP * (last_but_one - self.lowest) > 0:
            self.highest = last_but_one

    def scale(self) -> Scale:
        """Return the rule for this range."""
        if self.lowest >= 0 and self.highest <= _HIGHEST:
            if self.is_whole or self.highest >= _LEAST_OF_WHOLE:
                return self._shift
            if _LEAST_OF_ONE <= self.highest <= 1:
                return _from_one
        return self._stretch

    def _shift(self, samples: _Samples) -> npt.NDArray[np.uint8]:
        allowed = self.count // _OUTLIERS
        bits = next(bits for bits in _BITS if self.above[bits] <= allowed)
        if samples.dtype.kind == "f":
            samples = np.nan_to_num(samples).clip(0, _HIGHEST)
        whole = samples.astype(np.int64) >> (bits - 8)
        return _bytes(np.minimum(whole, 255))

    def _stretch(self, samples: _Samples) -> npt.NDArray[np.uint8]:
        span = self.highest - self.lowest
        if not span > 0:
            return np.zeros(samples.shape, np.uint8)
        ended = np.clip(np.nan_to_num(samples, nan=self.lowest), self.lowest, self.highest)
        with np.errstate(over="ignore", invalid="ignore"):  # of 64-bit numbers without end
            share = (ended.astype(np.float64) - self.lowest) / span
        return _from_one(share)


def _from_one(samples: _Samples) -> npt.NDArray[np.uint8]:
    return _bytes(np.rint(np.nan_to_num(samples) * 255.0).clip(0, 255))


def _bytes(samples: _Samples) -> npt.NDArray[np.uint8]:
    narrowed: npt.NDArray[np.uint8] = samples.astype(np.uint8)
    return narrowed
