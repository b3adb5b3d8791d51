"""Every kind of sound image becomes the same upright 8-bit RGB; limits hold before decoding."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from inference.decoding import DecodeLimits, decode_image
from inference.errors import ImageTooLarge, UndecodableImage, UnsupportedFormat
from tests.builders import encode
from tests.inference.samples import (
    PNG_SIGNATURE,
    jpeg_header,
    noise,
    picture,
    pixels,
    png,
    png_chunk,
    ycck_jpeg,
)

# JPEG at quality 95 moves a pixel of the smooth test picture by a few grey levels.
JPEG_TOLERANCE = 8


def decoded(data: bytes) -> np.ndarray:
    result = decode_image(data)
    assert result.image.mode == "RGB"
    assert result.image.size == result.source_wh
    return pixels(result.image)


@pytest.mark.parametrize("image_format", ["PNG", "BMP"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_opaque_modes_keep_their_colours(mode: str, image_format: str) -> None:
    image = noise((7, 5)).convert(mode)
    expected = pixels(image.convert("RGB"))
    np.testing.assert_array_equal(decoded(encode(image, image_format)), expected)


@pytest.mark.parametrize(("mode", "colours"), [("LA", 1), ("RGBA", 3)])
@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_an_alpha_channel_is_composited_over_white(
    mode: str, colours: int, image_format: str
) -> None:
    opaque = noise((7, 5)).convert("L" if colours == 1 else "RGB")
    alpha = noise((7, 5), seed=1).getchannel(0)
    alpha.putpixel((0, 0), 0)
    image = opaque.copy()
    image.putalpha(alpha)
    options = {"lossless": True, "exact": True} if image_format == "WEBP" else {}
    share = pixels(alpha)[:, :, np.newaxis] / 255
    expected = pixels(opaque.convert("RGB")) * share + 255 * (1 - share)

    result = decoded(encode(image, image_format, **options))

    assert np.abs(result - expected).max() <= 1
    assert result[0, 0].tolist() == [255, 255, 255]


def test_palette_transparency_by_index_is_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    for image_format in ("PNG", "GIF"):
        result = decoded(encode(image, image_format, transparency=1))
        assert result.tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_palette_transparency_by_bytes_is_blended_with_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    result = decoded(encode(image, "PNG", transparency=bytes([255, 51])))
    # 51/255 is a fifth of the colour and four fifths of white.
    assert result.tolist() == [[[10, 20, 30], [212, 214, 216]]]


@pytest.mark.parametrize("mode", ["1", "L"])
def test_a_transparent_grey_value_is_white(mode: str) -> None:
    image = Image.new(mode, (2, 1), 0)
    image.putpixel((1, 0), 255)
    assert decoded(encode(image, "PNG", transparency=0)).min() == 255


def test_a_transparent_colour_is_white() -> None:
    image = Image.new("RGB", (2, 1), (10, 20, 30))
    image.putpixel((1, 0), (10, 20, 31))
    result = decoded(encode(image, "PNG", transparency=(10, 20, 30)))
    assert result.tolist() == [[[255, 255, 255], [10, 20, 31]]]


def test_16_bit_grey_keeps_its_high_byte() -> None:
    samples = [0, 255, 256, 0x8000, 0xFFFF]
    rows = [struct.pack(">5H", *samples)]
    result = decoded(png((5, 1), bit_depth=16, colour_type=0, rows=rows))
    assert result[0, :, 0].tolist() == [0, 0, 1, 128, 255]
    assert (result == result[:, :, :1]).all()


def test_16_bit_grey_with_a_transparent_value_is_white_there_and_only_there() -> None:
    rows = [struct.pack(">3H", 0x4000, 0x4001, 0xFFFF)]
    extra = png_chunk(b"tRNS", struct.pack(">H", 0x4001))
    result = decoded(png((3, 1), bit_depth=16, colour_type=0, rows=rows, extra=extra))
    assert result[0, :, 0].tolist() == [0x40, 255, 255]


def test_16_bit_colour_keeps_its_high_byte() -> None:
    rows = [struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0, 0x00FF, 0xFFFF)]
    result = decoded(png((2, 1), bit_depth=16, colour_type=2, rows=rows))
    assert result.tolist() == [[[0x12, 0x56, 0x9A], [0, 0, 0xFF]]]


def test_cmyk_as_adobe_writes_it_keeps_its_colours() -> None:
    data = encode(picture().convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data  # its inks are stored inverted
    assert np.abs(decoded(data) - pixels(picture())).max() <= JPEG_TOLERANCE


def test_ycck_keeps_its_colours() -> None:
    assert np.abs(decoded(ycck_jpeg(picture())) - pixels(picture())).max() <= JPEG_TOLERANCE


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_baseline_and_progressive_jpeg_keep_their_colours(mode: str, progressive: bool) -> None:
    image = picture().convert(mode)
    data = encode(image, "JPEG", quality=95, progressive=progressive)
    expected = pixels(image.convert("RGB"))
    assert np.abs(decoded(data) - expected).max() <= JPEG_TOLERANCE


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(image_format: str) -> None:
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = encode(frames[0], image_format, save_all=True, append_images=frames[1:], **options)
    assert (decoded(data) == [255, 0, 0]).all()


def test_a_multi_picture_jpeg_gives_its_first_picture() -> None:
    second = Image.new("RGB", (48, 32), "lime")
    data = encode(picture(), "MPO", save_all=True, append_images=[second], quality=95)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "MPO"
    assert np.abs(decoded(data) - pixels(picture())).max() <= JPEG_TOLERANCE


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1)])
def test_extreme_shapes_are_decoded(size_wh: tuple[int, int], image_format: str) -> None:
    data = encode(Image.new("RGB", size_wh, (255, 0, 0)), image_format)
    result = decode_image(data, shorter_px=224)
    assert result.image.size == result.source_wh == size_wh
    assert np.abs(pixels(result.image) - [255, 0, 0]).max() <= 2


def test_a_colour_profile_is_ignored() -> None:
    data = encode(picture(), "PNG", icc_profile=b"not a profile")
    np.testing.assert_array_equal(decoded(data), pixels(picture()))


def test_a_png_with_text_is_decoded() -> None:
    text = png_chunk(b"tEXt", b"Comment\0made by hand")
    row = bytes([1, 2, 3])
    assert decoded(png((1, 1), bit_depth=8, colour_type=2, rows=[row], extra=text)).tolist() == [
        [[1, 2, 3]]
    ]


@pytest.mark.parametrize("size_wh", [(65_535, 65_535), (10_000, 5_001)])
def test_a_huge_size_in_a_tiny_jpeg_is_refused_from_its_header(size_wh: tuple[int, int]) -> None:
    data = jpeg_header(size_wh)
    assert len(data) < 100
    with pytest.raises(ImageTooLarge, match="pixels"):
        decode_image(data)


@pytest.mark.parametrize("side_px", [10_000, 30_000])
def test_a_huge_1_bit_png_is_refused_from_its_header(side_px: int) -> None:
    header = struct.pack(">IIBBBBB", side_px, side_px, 1, 0, 0, 0, 0)
    data = PNG_SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"x\x9c")
    with pytest.raises(ImageTooLarge, match="pixels"):
        decode_image(data)


def test_the_pixel_limit_is_inclusive_and_named_with_the_size() -> None:
    data = encode(Image.new("RGB", (10, 10)))
    assert decode_image(data, limits=DecodeLimits(max_pixels=100)).source_wh == (10, 10)
    with pytest.raises(ImageTooLarge, match=r"10x10 px, limit is 9\.9e-05 million"):
        decode_image(data, limits=DecodeLimits(max_pixels=99))


def test_the_byte_limit_is_inclusive() -> None:
    data = encode(picture())
    decode_image(data, limits=DecodeLimits(max_bytes=len(data)))
    with pytest.raises(ImageTooLarge, match=f"is over {len(data) - 1:,} bytes"):
        decode_image(data, limits=DecodeLimits(max_bytes=len(data) - 1))


@pytest.mark.parametrize(
    "limits", [{"max_bytes": 0}, {"max_pixels": 0}, {"max_pixels": 178_956_971}]
)
def test_limits_that_cannot_hold_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        DecodeLimits(**limits)


def test_an_accepted_name_is_no_help_to_another_type() -> None:
    with pytest.raises(UnsupportedFormat, match="HTML"):
        decode_image(b"<html>saved as photo.jpg</html>")
    with pytest.raises(UnsupportedFormat, match="Photoshop"):
        decode_image(b"8BPS\0\1")


def test_no_bytes_are_refused() -> None:
    with pytest.raises(UndecodableImage, match="0 bytes"):
        decode_image(b"")
