"""The limits for dark, blank and blurry, held against real photos of ../shared. Fail without it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from inference.decoding import decode_image
from tests.builders import encode
from training.audit.poor_images import PoorImages, find_poor_images
from training.data.folder import ImageFile
from training.data.image_facts import gather_facts
from training.data.scan import ScannedImage

pytestmark = [pytest.mark.training, pytest.mark.shared]

DATA: Final = Path(__file__).resolve().parents[4] / "shared" / "data"
# Every how manieth file is taken, so that the test takes seconds.
EVERY: Final = {"clothing": 6, "members": 1, "photos": 1, "cifar10": 10}
PLANTED: Final = 5


def sound(name: str) -> list[bytes]:
    """Return the bytes of real images."""
    files = sorted(path for path in (DATA / name).rglob("*") if path.suffix.lower() != ".txt")
    return [path.read_bytes() for path in files if path.is_file()][:: EVERY[name]]


def scanned(contents: Sequence[bytes]) -> list[ScannedImage]:
    """Return images as a scan notes them."""
    return [
        ScannedImage(
            file=ImageFile(path=Path(f"{row}.jpg"), label="any", split=None),
            sha256=str(row),
            row=row,
            facts=gather_facts(decode_image(data, shorter_px=256)),
        )
        for row, data in enumerate(contents)
    ]


def darkened(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(0.05)


def blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(8))


def of_one_colour(image: Image.Image) -> Image.Image:
    return image.resize((1, 1), Image.Resampling.BOX).resize(image.size)


def nearly_of_one_colour(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 2, (image.height, image.width, 3))
    pixels = np.asarray(of_one_colour(image)) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("name", EVERY)
def test_sound_photos_are_not_poor_but_small(name: str) -> None:
    poor = find_poor_images(scanned(sound(name)), backbone_px=64)
    assert poor == PoorImages(too_small=(), dark=(), blank=(), blurry=())


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("dark", darkened),
        ("blurry", blurred),
        ("blank", of_one_colour),
        ("blank", nearly_of_one_colour),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_spoiled_photo_is_found(
    name: str, kind: str, spoil: Callable[[Image.Image], Image.Image]
) -> None:
    contents = sound(name)
    for data in contents[:PLANTED]:
        image = decode_image(data).image
        contents.append(encode(spoil(image), "JPEG", quality=90))
    poor = find_poor_images(scanned(contents), backbone_px=64)
    found = {"dark": poor.dark, "blank": poor.blank, "blurry": poor.blurry}
    planted = tuple(range(len(contents) - PLANTED, len(contents)))
    assert found == {"dark": (), "blank": (), "blurry": (), kind: planted}
