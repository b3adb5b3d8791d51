"""Samples of more than 8 bits: no picture comes out black, and old packages keep their rule."""

import io

import numpy as np
import pytest
from PIL import Image

from inference.decoding import decode_image
from tests.builders import encode
from tests.inference.samples import png

RAMP = np.linspace(0, 1, 64 * 48).reshape(48, 64)
EIGHT_BITS = np.floor(RAMP * 255.999).astype(np.int16)


def grey(data: bytes, *, decoder: int = 2) -> np.ndarray:
    array = np.asarray(decode_image(data, decoder=decoder).image, np.int16)
    assert (array == array[..., :1]).all()
    return array[..., 0]


def deep_png(highest: int) -> bytes:
    return encode(Image.fromarray(np.rint(RAMP * highest).astype(np.uint16)))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_whole_numbers_are_scaled_by_the_bits_that_they_use(bits: int) -> None:
    for data in (
        deep_png(2**bits - 1),
        encode(Image.open(io.BytesIO(deep_png(2**bits - 1))), "TIFF"),
    ):
        assert np.abs(grey(data) - EIGHT_BITS).max() <= 1


def test_one_bright_pixel_does_not_darken_the_rest() -> None:
    samples = np.rint(RAMP * 4095).astype(np.uint16)
    samples[5, 5] = 65535
    seen = grey(encode(Image.fromarray(samples)))
    assert seen[5, 5] == 255
    assert np.abs(seen - EIGHT_BITS)[10:].max() <= 1


def test_decoder_1_keeps_the_high_byte() -> None:
    seen = grey(deep_png(4095), decoder=1)
    assert seen.max() == 15
    np.testing.assert_array_equal(grey(deep_png(65535), decoder=1), grey(deep_png(65535)))


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.0, 4095.0), (-1024.0, 3071.0), (0.0, 1e-3), (0.0, 1e6)]
)
def test_floating_point_is_scaled_from_black_to_white(low: float, high: float) -> None:
    samples = (low + RAMP * (high - low)).astype(np.float32)
    samples[0, 0] = np.nan if low == 0 else low
    seen = grey(encode(Image.fromarray(samples), "TIFF"))
    assert np.abs(seen - EIGHT_BITS).max() <= 2


def test_signed_and_long_numbers_are_scaled_too() -> None:
    for low, high in ((-1000, 3000), (0, 4095), (0, 10**9)):
        samples = np.rint(low + RAMP * (high - low)).astype(np.int32)
        seen = grey(encode(Image.fromarray(samples), "TIFF"))
        assert np.abs(seen - EIGHT_BITS).max() <= 1


@pytest.mark.parametrize("colour_type", [2, 4, 6])
@pytest.mark.parametrize("bits", [12, 16])
def test_colours_of_16_bits_too(colour_type: int, bits: int) -> None:
    channels = {2: 3, 4: 2, 6: 4}[colour_type]
    samples = np.repeat(np.rint(RAMP * (2**bits - 1))[..., np.newaxis], channels, axis=2)
    if channels in (2, 4):
        samples[..., -1] = 65535
    data = png(
        (64, 48),
        bit_depth=16,
        colour_type=colour_type,
        rows=[row.astype(">u2").tobytes() for row in samples],
    )
    assert np.abs(grey(data) - EIGHT_BITS).max() <= 1
    assert grey(data, decoder=1).max() == (255 if bits == 16 else 15)


def test_white_may_be_zero() -> None:
    inverted = Image.fromarray(np.rint((1 - RAMP) * 4095).astype(np.uint16))
    data = encode(inverted, "TIFF", tiffinfo={262: 0})
    assert np.abs(grey(data) - EIGHT_BITS).max() <= 1
