"""Strips are converted as the whole image is: no seam, no other pixel."""

import numpy as np
import pytest
from PIL import Image

from inference.decoding import deep_samples, rgb
from tests.inference.samples import noise

SIZE_WH = (61, 47)


def images() -> dict[str, Image.Image]:
    colours = noise(SIZE_WH)
    alpha = noise(SIZE_WH, seed=1).getchannel(0)
    with_alpha = colours.copy()
    with_alpha.putalpha(alpha)
    grey = colours.convert("L")
    deep = Image.fromarray(np.random.default_rng(2).integers(0, 65536, SIZE_WH[::-1], np.uint16))
    made = {
        "RGBA": with_alpha,
        "LA": with_alpha.convert("LA"),
        "P of one transparent colour": colours.quantize(16),
        "P of alphas": colours.quantize(16),
        "RGB of one transparent colour": colours.copy(),
        "L of one transparent grey": grey,
        "I;16": deep,
        "I;16 of one transparent grey": deep.copy(),
        "I": deep.convert("I"),
        "CMYK": colours.convert("CMYK"),
        "1": grey.convert("1"),
    }
    made["P of one transparent colour"].info["transparency"] = 3
    made["P of alphas"].info["transparency"] = bytes(range(0, 256, 16))
    made["RGB of one transparent colour"].info["transparency"] = colours.getpixel((0, 0))
    made["L of one transparent grey"].info["transparency"] = grey.getpixel((0, 0))
    made["I;16 of one transparent grey"].info["transparency"] = deep.getpixel((0, 0))
    return made


@pytest.mark.parametrize("name", images())
def test_strips_give_the_pixels_of_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rgb.to_rgb(images()[name])
    monkeypatch.setattr(rgb, "STRIP_PIXELS", 5 * SIZE_WH[0] + 7)
    monkeypatch.setattr(deep_samples, "STRIP_PIXELS", 5 * SIZE_WH[0] + 7)
    in_strips = rgb.to_rgb(images()[name])
    assert in_strips.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(in_strips), np.asarray(whole))
