"""What phones, scanners and hospitals write beside JPEG: each becomes the picture that a viewer shows."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.decoding import decode_image, read_header
from inference.errors import ImageError, UndecodableImage
from tests.builders import encode
from tests.inference.samples import orientation_exif, picture, pixels, png, png_chunk

FILES = Path(__file__).parents[2] / "files"
SIZE_WH = (64, 48)
PICTURE = picture(SIZE_WH)


def decoded(data: bytes) -> np.ndarray:
    result = decode_image(data)
    assert result.image.mode == "RGB"
    assert result.source_wh == result.image.size
    return pixels(result.image)


def assert_is_the_picture(data: bytes, *, within: float, expected: Image.Image = PICTURE) -> None:
    difference = np.abs(decoded(data) - pixels(expected))
    assert difference.mean() <= within


@pytest.mark.parametrize(
    ("image_format", "options", "within"),
    [
        ("AVIF", {"quality": 90}, 2),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, 0),
        ("TIFF", {"compression": "packbits"}, 0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, 2),
        ("TIFF", {"compression": "zstd"}, 0),
        ("JPEG2000", {}, 0),
        ("JPEG2000", {"no_jp2": True, "irreversible": True}, 2),
        ("PPM", {}, 0),
        ("ICO", {"sizes": [(64, 48), (16, 12)]}, 0),
        ("ICO", {"sizes": [(64, 48)], "bitmap_format": "bmp"}, 0),
    ],
)
def test_a_sound_file_is_the_picture(
    image_format: str, options: dict[str, object], within: float
) -> None:
    data = encode(PICTURE, image_format, **options)
    assert_is_the_picture(data, within=within)
    header = read_header(data)
    assert header is not None
    assert header.size_wh == SIZE_WH


@pytest.mark.parametrize("name", ["small.heic", "burst.heic"])
def test_of_a_heic_the_primary_picture_is_taken(name: str) -> None:
    assert_is_the_picture((FILES / name).read_bytes(), within=3)


def test_a_heic_is_turned_once_and_its_transparency_is_white() -> None:
    turned = PICTURE.transpose(Image.Transpose.ROTATE_270)
    assert_is_the_picture((FILES / "turned.heic").read_bytes(), within=3, expected=turned)
    alpha = decoded((FILES / "alpha.heic").read_bytes())
    assert alpha[0].min() > 240  # transparent above, the picture below
    assert np.abs(alpha[-1] - pixels(PICTURE)[-1]).mean() < 8


@pytest.mark.parametrize("image_format", ["AVIF", "TIFF"])
def test_a_turn_is_applied_once(image_format: str) -> None:
    data = encode(PICTURE, image_format, exif=orientation_exif(6))
    assert_is_the_picture(data, within=4, expected=PICTURE.transpose(Image.Transpose.ROTATE_270))


def test_of_an_animation_or_many_pages_the_first_is_taken() -> None:
    other = Image.new("RGB", SIZE_WH, "red")
    avif = encode(PICTURE, "AVIF", quality=90, save_all=True, append_images=[other, other])
    assert avif[8:12] == b"avis"
    assert_is_the_picture(avif, within=4)
    tiff = encode(PICTURE, "TIFF", save_all=True, append_images=[other] * 11)
    assert_is_the_picture(tiff, within=0)
    assert decode_image(tiff).notes == ("12 pages, of which this is the first",)


def test_of_an_icon_the_largest_picture_is_taken() -> None:
    red = Image.new("RGB", (16, 16), "red")
    data = encode(PICTURE.resize((48, 48)), "ICO", sizes=[(16, 16), (48, 48)], append_images=[red])
    assert decode_image(data).source_wh == (48, 48)


@pytest.mark.parametrize(
    "data",
    [
        b"P2 # by hand\n3 1\n# three greys\n200\n0 100 200\n",
        b"P5\n3 1 200\n" + bytes([0, 100, 200]),
        b"P5 3 1 2000\n" + struct.pack(">HHH", 0, 1000, 2000),
        b"P3 3 1 200 0 0 0 100 100 100 200 200 200",
        b"P6 3 1 200 " + bytes([0, 0, 0, 100, 100, 100, 200, 200, 200]),
    ],
)
def test_netpbm_is_scaled_from_its_own_white(data: bytes) -> None:
    assert [int(grey) for grey in decoded(data)[0, :, 0]] == [0, 128, 255]


def test_bitmaps_of_netpbm_have_ink_for_ones() -> None:
    for data in (b"P1 3 1\n101", b"P4 3 1\n" + bytes([0b10100000])):
        assert [int(grey) for grey in decoded(data)[0, :, 0]] == [0, 255, 0]


@pytest.mark.parametrize(
    "data",
    [
        b"P5 3 1 255\n\0",
        b"P2 3 1 255 1 2",
        b"P5 3 1 70000\n" + bytes(6),
        b"P6 3\n",
        (FILES / "small.heic").read_bytes()[:700],
        encode(PICTURE, "AVIF")[:-20],
        encode(PICTURE, "TIFF", compression="tiff_lzw")[:2000],
        encode(PICTURE, "JPEG2000")[:100],
        encode(PICTURE, "JPEG2000")[:-40],
        encode(PICTURE, "JPEG2000", no_jp2=True)[:-40],
    ],
)
def test_what_is_cut_short_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableImage):
        decode_image(data)


def test_a_jpeg_2000_is_decoded_at_a_fraction_of_its_size() -> None:
    data = encode(picture((640, 480)), "JPEG2000")
    small = decode_image(data, shorter_px=60)
    assert (small.scale, small.image.size, small.source_wh) == (4, (160, 120), (640, 480))
    expected = pixels(picture((640, 480)).reduce(4))
    assert np.abs(pixels(small.image) - expected).mean() < 2


@pytest.mark.parametrize("image_format", ["AVIF", "TIFF", "JPEG2000", "ICO", "PPM"])
def test_flipped_bytes_raise_nothing_but_image_errors(image_format: str) -> None:
    rng = np.random.default_rng(0)
    sound = bytearray(encode(PICTURE, image_format))
    files = (
        [sound]
        if image_format != "AVIF"
        else [sound, bytearray((FILES / "small.heic").read_bytes())]
    )
    for data in files:
        for _ in range(60):
            flipped = bytearray(data)
            for place in rng.integers(0, min(len(data), 800), 3):
                flipped[place] = int(rng.integers(256))
            try:
                decode_image(bytes(flipped))
            except ImageError:
                continue


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_transparent_grey_of_few_bits_is_that_grey(depth: int) -> None:
    greys = np.arange(2**depth).reshape(1, -1).repeat(8, axis=0)
    shifts = np.arange(depth - 1, -1, -1)
    rows = [
        np.packbits((row[:, np.newaxis] >> shifts & 1).astype(np.uint8)).tobytes() for row in greys
    ]
    transparent = png_chunk(b"tRNS", struct.pack(">H", 1))
    data = png((2**depth, 8), bit_depth=depth, colour_type=0, rows=rows, extra=transparent)
    shown = pixels(decode_image(data).image)[0, :, 0]
    expected = greys[0] * 255 // (2**depth - 1)
    expected[1] = 255
    assert shown.tolist() == expected.tolist()


def test_white_of_a_deep_jpeg_2000_is_never_black() -> None:
    shown = decode_image((FILES / "grey_10_bits.jp2").read_bytes()).image
    assert shown.getpixel((0, 0)) == (250, 10, 10)
    with pytest.raises(UndecodableImage, match="JPEG 2000 image of 3 channels of 10 bits"):
        decode_image((FILES / "white_10_bits.jp2").read_bytes())


def test_kinds_of_a_format_that_are_not_read_are_named() -> None:
    jpeg = bytearray(encode(picture(), "JPEG"))
    jpeg[jpeg.find(b"\xff\xc0") + 4] = 12
    with pytest.raises(UndecodableImage, match="JPEG image of 12 bits a sample is not read"):
        decode_image(bytes(jpeg))
    masks = struct.pack("<3I", 1023 << 20, 1023 << 10, 1023)
    bmp = struct.pack("<2sIIIIiiHHIIiiII", b"BM", 70, 0, 66, 40, 2, 2, 1, 32, 3, 16, 0, 0, 0, 0)
    with pytest.raises(UndecodableImage, match="BMP image is of a kind that is not read"):
        decode_image(bmp + masks + bytes(16))
