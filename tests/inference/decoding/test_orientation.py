"""The EXIF turn, and metadata that cannot be read on an image that can."""

import struct

import numpy as np
import pytest

from inference.decoding import decode_image
from inference.errors import UndecodableImage
from tests.builders import encode
from tests.inference.samples import (
    jpeg_segment,
    jpeg_with_exif,
    orientation_exif,
    picture,
    pixels,
    stored_as,
)

LOSSLESS = {"PNG": {}, "WEBP": {"lossless": True}}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", LOSSLESS)
def test_a_turned_image_is_decoded_upright(image_format: str, orientation: int) -> None:
    stored = stored_as(picture(), orientation)
    exif = orientation_exif(orientation)
    result = decode_image(encode(stored, image_format, exif=exif, **LOSSLESS[image_format]))
    np.testing.assert_array_equal(pixels(result.image), pixels(picture()))
    assert result.source_wh == picture().size


@pytest.mark.parametrize("shorter_px", [None, 16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_is_decoded_upright_at_any_scale(
    orientation: int, shorter_px: int | None
) -> None:
    upright = picture((192, 128))
    stored = stored_as(upright, orientation)
    data = encode(stored, "JPEG", quality=95, exif=orientation_exif(orientation))

    result = decode_image(data, shorter_px=shorter_px)

    assert result.source_wh == (192, 128)
    assert result.image.size == ((192, 128) if shorter_px is None else (48, 32))
    expected = pixels(upright.resize(result.image.size))
    assert np.abs(pixels(result.image) - expected).max() <= 8


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_an_orientation_out_of_range_counts_as_upright(orientation: int) -> None:
    data = encode(picture(), "PNG", exif=orientation_exif(orientation))
    np.testing.assert_array_equal(pixels(decode_image(data).image), pixels(picture()))


def _ifd(entries: bytes, count: int) -> bytes:
    return b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", count) + entries


BROKEN_EXIF = {
    "empty": b"",
    "no TIFF header": b"zz",
    "cut after the header": b"II*\x00\x08\x00\x00\x00",
    "offset out of the file": b"II*\x00\xff\xff\xff\xff",
    "65535 entries of which there are none": _ifd(b"", 65535),
    "unknown types": _ifd(b"\x12\x01" * 30, 3),
    "orientation as text": _ifd(struct.pack("<HHI4s", 0x0112, 2, 4, b"six\0") + b"\0" * 4, 1),
    "orientation without a value": _ifd(struct.pack("<HHII", 0x0112, 3, 0, 6) + b"\0" * 4, 1),
    # Pillow looks for the resolution when it opens the file, and refuses the file for this one.
    "resolution as an empty text": _ifd(
        struct.pack("<HHI4s", 0x011A, 2, 1, b"")
        + struct.pack("<HHII", 0x0128, 3, 1, 2)
        + b"\0" * 4,
        2,
    ),
    "random": np.random.default_rng(0).bytes(200),
}


@pytest.mark.parametrize("block", BROKEN_EXIF.values(), ids=BROKEN_EXIF.keys())
def test_a_broken_exif_block_on_a_sound_jpeg_counts_as_upright(block: bytes) -> None:
    plain = encode(picture(), "JPEG", quality=95)
    jfif = plain[2 : 4 + int.from_bytes(plain[4:6], "big")]
    laden = jpeg_with_exif(block)
    # Without JFIF's resolution, Pillow looks for it in the EXIF block when it opens the file.
    for data in (laden, laden.replace(jfif, b"")):
        np.testing.assert_array_equal(
            pixels(decode_image(data).image), pixels(decode_image(plain).image)
        )


def test_a_broken_multi_picture_index_on_a_sound_jpeg_is_ignored() -> None:
    plain = encode(picture(), "JPEG", quality=95)
    index = jpeg_segment(0xE2, b"MPF\0II*\x00\x08\x00\x00\x00\xff\xff" + b"\x01\xb0" * 20)
    result = decode_image(plain[:2] + index + plain[2:])
    np.testing.assert_array_equal(pixels(result.image), pixels(decode_image(plain).image))


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff", b"\xff\xd8\xff\xe1", b"\xff\xd8\xff\xe1\x00\x01zz"]
)
def test_a_jpeg_of_nothing_but_broken_metadata_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableImage):
        decode_image(data)
