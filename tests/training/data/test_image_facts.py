"""What a scan notes of an image."""

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageFilter

from inference.decoding import decode_image
from tests.builders import encode
from tests.training.folders import noisy
from training.data.image_facts import ImageFacts, facts_from_json, gather_facts

pytestmark = pytest.mark.training


def facts_of(image: Image.Image, image_format: str = "PNG", **options: object) -> ImageFacts:
    """Return the facts of an image saved in a format."""
    data = encode(image, image_format, **options)
    return gather_facts(decode_image(data))


def test_the_size_is_noted() -> None:
    facts = facts_of(noisy((200, 40, 40), 0, size_wh=(50, 30)).convert("L"), "JPEG")
    assert (facts.width_px, facts.height_px) == (50, 30)


def test_a_turned_photo_is_noted_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    facts = facts_of(noisy((9, 200, 9), 0, size_wh=(50, 30)), "JPEG", exif=exif)
    assert (facts.width_px, facts.height_px) == (30, 50)


def test_brightness_contrast_and_sharpness_tell_images_apart() -> None:
    plain = facts_of(Image.new("RGB", (64, 64), (10, 10, 10)))
    assert plain.brightness == pytest.approx(10, abs=1)
    assert plain.contrast == 0
    assert plain.sharpness == 0
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    blurred = noise.filter(ImageFilter.GaussianBlur(3))
    assert facts_of(noise).sharpness > 20 * facts_of(blurred).sharpness


def test_the_hash_of_the_mirror_image_is_that_of_a_mirrored_file() -> None:
    rng = np.random.default_rng(1)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((128, 128))
    mirrored = coarse.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert facts_of(mirrored).phash == facts_of(coarse).phash_mirrored
    assert facts_of(coarse).phash != facts_of(coarse).phash_mirrored


@pytest.mark.parametrize("size_wh", [(32, 32), (200, 130), (600, 900)], ids=str)
def test_the_hash_is_that_of_imagehash(size_wh: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).resize(size_wh)
    small = coarse.convert("L")
    small.thumbnail((1024, 256), Image.Resampling.BOX)
    assert facts_of(coarse).phash == str(imagehash.phash(small))


def test_facts_survive_the_cache() -> None:
    facts = facts_of(noisy((9, 9, 200), 3))
    assert facts_from_json(facts.to_json()) == facts


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 500), (2, 2)], ids=str)
def test_tiny_and_thin_images_have_facts(size_wh: tuple[int, int]) -> None:
    facts = facts_of(Image.new("RGB", size_wh, (255, 0, 0)))
    assert (facts.width_px, facts.height_px) == size_wh
    assert facts.sharpness == 0
