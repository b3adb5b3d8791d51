"""How many pixels a codec will work through for a piece of HEVC or AV1: the codec's own headers say it.

A box's word for the size is not enough: the codec makes pictures of the size that its own header says, and of
as many as there are.
"""

from dataclasses import dataclass
from typing import Final

from inference.decoding.bits import Bits
from inference.decoding.header import too_many

# A photo of 200 million pixels in tiles of 512 px has 800; each may be in several slices.
_MAX_UNITS: Final = 10_000
_HEADER_BYTES: Final = 120  # of a unit, to find the size in

_HEVC_PARAMETERS: Final = 33
_HEVC_SLICES: Final = range(32)

_AV1_SEQUENCE: Final = 1
_AV1_FRAMES: Final = frozenset({3, 6})


@dataclass(slots=True)
class Units:
    """How many units of a codec have been looked at in a file."""

    count: int = 0

    def take(self) -> None:
        """Count one more.

        Raises:
            UndecodableImage: more than an honest file has.
        """
        self.count += 1
        if self.count > _MAX_UNITS:
            raise too_many("slices or frames", "HEIC or AVIF")


@dataclass(slots=True)
class Coded:
    """The largest size that a header says, and how often a picture of it may be worked through."""

    size_wh: tuple[int, int] = (0, 0)
    times: int = 0

    def see(self, size_wh: tuple[int, int]) -> None:
        """Note a header's size."""
        if size_wh[0] * size_wh[1] > self.size_wh[0] * self.size_wh[1]:
            self.size_wh = size_wh


def read_hevc_parameters(configuration: bytes, coded: Coded) -> int:
    """Note the sizes in an `hvcC` box; return the bytes of the length before each unit."""
    at = 23
    for _ in range(configuration[22] if len(configuration) > 22 else 0):
        count, at = int.from_bytes(configuration[at + 1 : at + 3], "big"), at + 3
        for _ in range(min(count, 64)):
            length = int.from_bytes(configuration[at : at + 2], "big")
            _see_hevc_unit(configuration[at + 2 : at + 2 + min(length, _HEADER_BYTES)], coded)
            at += 2 + length
    return (configuration[21] & 3) + 1 if len(configuration) > 21 else 4


def read_hevc_data(piece: memoryview, length_bytes: int, coded: Coded, units: Units) -> None:
    """Count the slices of a piece of data, and note sizes in it.

    Raises:
        UndecodableImage: more units than an honest file has.
    """
    at = 0
    while at + length_bytes < len(piece):
        units.take()
        length = int.from_bytes(piece[at : at + length_bytes], "big")
        at += length_bytes
        _see_hevc_unit(bytes(piece[at : at + min(length, _HEADER_BYTES)]), coded)
        at += length


def _see_hevc_unit(unit: bytes, coded: Coded) -> None:
    if len(unit) < 3:
        return
    kind = unit[0] >> 1 & 63
    if kind in _HEVC_SLICES:
        # One that is cut short may go on to the end of the picture.
        coded.times += 1
    elif kind == _HEVC_PARAMETERS:
        coded.see(_hevc_size(unit[2:].replace(b"\0\0\3", b"\0\0")))


def _hevc_size(parameters: bytes) -> tuple[int, int]:
    bits = Bits(parameters)
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 88 + 8)  # profile, level
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.take(88 * has_profile + 8 * has_level)
    bits.take_exp_golomb()
    if bits.take_exp_golomb() == 3:  # all colours in full resolution
        bits.take(1)
    return bits.take_exp_golomb(), bits.take_exp_golomb()


def read_av1_data(piece: memoryview, coded: Coded, units: Units) -> None:
    """Count the frames of a piece of data, and note sizes in it; also that of an `av1C` box.

    Raises:
        UndecodableImage: more units than an honest file has.
    """
    at = 0
    while at < len(piece):
        units.take()
        first = piece[at]
        at += 1 + (first >> 2 & 1)
        length = len(piece) - at
        if first & 2:
            length, at = _leb128(piece, at)
        kind = first >> 3 & 15
        if kind == _AV1_SEQUENCE:
            coded.see(_av1_size(bytes(piece[at : at + min(length, _HEADER_BYTES)])))
        coded.times += kind in _AV1_FRAMES
        at += length


def _leb128(piece: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 56, 7):
        byte = piece[at] if at < len(piece) else 0
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128:
            break
    return value, at


def _av1_size(sequence: bytes) -> tuple[int, int]:
    bits = Bits(sequence)
    bits.take(4)
    if bits.take(1):  # reduced header of a still picture
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(width_bits) + 1, bits.take(height_bits) + 1


def _skip_operating_points(bits: Bits) -> None:
    delay_bits = 0
    if bits.take(1):  # timing
        bits.take(64)
        if bits.take(1):
            bits.take_exp_golomb()
        if bits.take(1):  # decoder model
            delay_bits = bits.take(5) + 1
            bits.take(32 + 5 + 5)
    has_display_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_display_delay and bits.take(1):
            bits.take(4)
