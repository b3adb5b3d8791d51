"""JPEG decoding at a fraction of the size: when it happens, and that it hardly shows."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.decoding import decode_image
from inference.preprocessing import PreprocessSpec, crop_box, preprocess
from tests.builders import encode
from tests.inference.samples import orientation_exif, picture, pixels, stored_as

PHOTOS = Path(__file__).parents[3] / ".." / "shared" / "data" / "photos"
SPEC = PreprocessSpec(
    resize_shorter_px=64,
    crop_hw=(56, 56),
    interpolation="bicubic",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


@pytest.mark.parametrize(
    ("size_wh", "shorter_px", "scale"),
    [
        ((1024, 800), 50, 8),
        ((800, 1024), 50, 8),
        ((1024, 800), 51, 4),
        ((1024, 793), 50, 8),  # a side of 793 is decoded to 100 px, rounded up
        ((1024, 792), 50, 4),
        ((1024, 800), 100, 4),
        ((1024, 800), 200, 2),
        ((1024, 800), 201, 1),
        ((1024, 800), 224, 1),
        ((17, 17), 1, 8),
        ((16, 17), 1, 8),
        ((1, 4000), 1, 1),
    ],
)
@pytest.mark.parametrize("progressive", [False, True])
def test_the_smallest_scale_is_taken_that_leaves_twice_the_target(
    size_wh: tuple[int, int], shorter_px: int, scale: int, progressive: bool
) -> None:
    data = encode(Image.new("RGB", size_wh), "JPEG", progressive=progressive)
    result = decode_image(data, shorter_px=shorter_px)
    assert result.source_wh == size_wh
    assert result.image.size == tuple(-(-side // scale) for side in size_wh)
    assert scale == 1 or min(result.image.size) >= 2 * shorter_px


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "GIF", "BMP"])
def test_only_jpeg_is_scaled(image_format: str) -> None:
    data = encode(Image.new("RGB", (256, 256)), image_format)
    assert decode_image(data, shorter_px=16).image.size == (256, 256)


def test_a_multi_picture_jpeg_is_scaled_too() -> None:
    data = encode(picture((256, 128)), "MPO", save_all=True, append_images=[picture()])
    result = decode_image(data, shorter_px=16)
    assert (result.image.size, result.source_wh) == ((64, 32), (256, 128))


def test_grey_and_cmyk_jpeg_are_scaled_to_their_own_colours() -> None:
    for mode in ("L", "CMYK"):
        image = picture((256, 192)).convert(mode)
        result = decode_image(encode(image, "JPEG", quality=95), shorter_px=12).image
        expected = pixels(image.convert("RGB").resize(result.size))
        assert np.abs(pixels(result) - expected).max() <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_crop_box_marks_what_the_model_saw_of_a_scaled_and_turned_image(
    orientation: int,
) -> None:
    upright = picture((1003, 645))
    data = encode(
        stored_as(upright, orientation), "JPEG", quality=95, exif=orientation_exif(orientation)
    )
    decoded = decode_image(data, shorter_px=SPEC.resize_shorter_px)
    assert decoded.image.size == (251, 162)

    box = crop_box(decoded.source_wh, SPEC)

    seen = upright.resize((56, 56), resample=Image.Resampling.BICUBIC, box=box)
    assert np.abs(preprocess(decoded, SPEC).astype(np.int16) - pixels(seen)).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_scaled_image_says_where_its_source_lies(orientation: int) -> None:
    upright = Image.new("RGB", (1003, 645))
    data = encode(stored_as(upright, orientation), "JPEG", exif=orientation_exif(orientation))

    decoded = decode_image(data, shorter_px=64)

    assert (decoded.scale, decoded.image.size) == (4, (251, 162))
    assert decoded.origin_xy == (
        0.25 if orientation in (2, 3, 6, 7) else 0.0,  # 251 - 1003 / 4
        0.75 if orientation in (3, 4, 7, 8) else 0.0,  # 162 - 645 / 4
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_scaling_does_not_shift_what_the_model_sees(orientation: int) -> None:
    # Waves of 100 px, so that a shift of a few pixels shows; 1001 and 1033 leave a rest of 1 by 8.
    x, y = np.meshgrid(np.arange(1001), np.arange(1033))
    waves = 127 + 100 * np.sin(x * 2 * np.pi / 100) * np.sin(y * 2 * np.pi / 100)
    upright = Image.fromarray(waves.astype(np.uint8)).convert("RGB")
    data = encode(
        stored_as(upright, orientation), "JPEG", quality=95, exif=orientation_exif(orientation)
    )
    spec = dataclasses.replace(SPEC, resize_shorter_px=60)
    scaled = decode_image(data, shorter_px=60)
    assert scaled.scale == 8
    difference = preprocess(scaled, spec).astype(np.int16) - preprocess(decode_image(data), spec)
    assert np.abs(difference).mean() <= 1.0


def test_an_image_that_is_not_scaled_lies_at_the_origin() -> None:
    decoded = decode_image(encode(picture((33, 21)), "JPEG", exif=orientation_exif(3)))
    assert (decoded.scale, decoded.origin_xy) == (1, (0.0, 0.0))


@pytest.mark.shared
def test_real_photos_decode_and_scaling_hardly_shows() -> None:
    photos = sorted(PHOTOS.glob("*.JPEG"))
    assert len(photos) >= 25
    scaled = 0
    for photo in photos:
        data = photo.read_bytes()
        fast, full = decode_image(data, shorter_px=64), decode_image(data)
        assert fast.source_wh == full.source_wh == full.image.size
        scaled += fast.image.size != full.image.size
        difference = np.abs(
            preprocess(fast, SPEC).astype(np.int16) - preprocess(full, SPEC).astype(np.int16)
        )
        assert difference.mean() <= 1.0, photo.name
    assert scaled >= 20
