"""Colours with a profile come out in sRGB; those that are in it already stay as they are, byte by byte."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from inference.decoding import decode_image
from inference.decoding.colour_profile import is_converted
from tests.builders import encode
from tests.inference.colour_profiles import ADOBE, ADOBE_PRIMARIES, P3, SRGB, rgb_profile
from tests.inference.samples import noise, picture


def decoded(data: bytes, *, decoder: int = 2) -> np.ndarray:
    return np.asarray(decode_image(data, decoder=decoder).image, np.int16)


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "JPEG", "WEBP", "AVIF"])
def test_adobe_rgb_becomes_more_vivid(image_format: str) -> None:
    image = Image.new("RGB", (32, 32), (180, 90, 90))
    plain = decoded(encode(image, image_format))
    red, green, _ = decoded(encode(image, image_format, icc_profile=ADOBE))[16, 16]
    assert red - green > int(plain[16, 16, 0] - plain[16, 16, 1]) + 10
    assert (
        abs(
            int(decoded(encode(image, image_format, icc_profile=ADOBE), decoder=1)[16, 16, 0]) - 180
        )
        < 6
    )


def test_the_numbers_are_those_of_the_colour_management() -> None:
    image = picture((64, 48))
    expected = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(P3)), ImageCms.createProfile("sRGB")
    )
    np.testing.assert_array_equal(decoded(encode(image, icc_profile=P3)), np.asarray(expected))


def test_srgb_stays_as_it_is() -> None:
    image = noise((64, 48))
    assert not is_converted(SRGB, "RGB")
    np.testing.assert_array_equal(decoded(encode(image, icc_profile=SRGB)), np.asarray(image))


def test_grey_with_a_profile_of_colours_is_converted() -> None:
    grey = Image.linear_gradient("L").resize((64, 64))
    seen = decoded(encode(grey, icc_profile=rgb_profile(ADOBE_PRIMARIES, 1.0)))
    assert seen.mean() > np.asarray(grey).mean() + 30


@pytest.mark.parametrize(
    "profile",
    [
        b"no profile",
        ADOBE[:150],
        ADOBE[:12] + b"link" + ADOBE[16:],
        ADOBE[:16] + b"GRAY" + ADOBE[20:],
        ADOBE.replace(b"desc", b"D2B0", 1),
        ADOBE + bytes(2**20),
        ADOBE[:128] + b"\xff" * 4 + ADOBE[132:],
    ],
)
def test_a_profile_that_is_damaged_or_not_plain_is_passed_over(profile: bytes) -> None:
    image = noise((16, 16))
    np.testing.assert_array_equal(
        decoded(encode(image, "TIFF", icc_profile=profile)), np.asarray(image)
    )


def test_a_large_image_is_reduced_before_its_colours_are_converted() -> None:
    image = picture((640, 480))
    result = decode_image(encode(image, icc_profile=P3), shorter_px=60)
    assert (result.scale, result.image.size, result.source_wh) == (4, (160, 120), (640, 480))
