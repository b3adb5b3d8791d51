"""Colours with a profile come out in sRGB; those that are in it already stay as they are, byte by byte."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from inference.decoding import decode_image
from inference.decoding.colour_profile import is_converted
from tests.builders import encode
from tests.inference.samples import noise, picture

# Primaries (x, y) and gamma: what makes up an RGB profile.
_ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
_D65 = (0.3127, 0.3290)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50 = np.array([0.9642, 1.0, 0.8249])


def rgb_profile(primaries: tuple[tuple[float, float], ...], gamma: float) -> bytes:
    """Return a profile as ICC.1:2001 has it: a matrix to D50, and one exponent for all channels."""
    white = np.array([_D65[0] / _D65[1], 1, (1 - sum(_D65)) / _D65[1]])
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    columns *= np.linalg.solve(columns, white)
    adapt = np.linalg.solve(_BRADFORD, np.diag(_BRADFORD @ _D50 / (_BRADFORD @ white)) @ _BRADFORD)
    columns = adapt @ columns

    def xyz(values: np.ndarray) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"a\0" + bytes(78),
        b"wtpt": xyz(_D50),
        b"rXYZ": xyz(columns[:, 0]),
        b"gXYZ": xyz(columns[:, 1]),
        b"bXYZ": xyz(columns[:, 2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = bytes(8) + b"\x02\x20\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += b"".join(struct.pack(">i", round(v * 65536)) for v in _D50) + bytes(48)
    profile = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


ADOBE = rgb_profile(_ADOBE, 2.19921875)
P3 = rgb_profile(_P3, 2.2)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


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
    import io

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
    seen = decoded(encode(grey, icc_profile=rgb_profile(_ADOBE, 1.0)))
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
