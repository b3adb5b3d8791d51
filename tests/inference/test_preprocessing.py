"""Resize and crop: as if the whole image were resized, as torchvision does, within the image."""

import dataclasses
import itertools
import random
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from inference.decoding import DecodedImage, DecodeLimits
from inference.errors import ImageTooLarge
from inference.preprocessing import (
    Interpolation,
    PreprocessSpec,
    crop_box,
    prepare_image,
    preprocess,
    resize_for_training,
)
from tests.builders import encode
from tests.inference.samples import noise, picture, pixels

SIDES = (1, 2, 31, 32, 33, 47, 64, 65, 100, 233)
SIZES = [*itertools.product(SIDES, SIDES), (1, 3000), (3000, 1), (640, 481), (481, 640)]
CROPS = [(32, 32), (32, 28), (28, 28), (27, 30), (1, 32), (31, 1)]


def spec(
    crop_hw: tuple[int, int] = (28, 28),
    interpolation: Interpolation = "bilinear",
    resize_shorter_px: int = 32,
) -> PreprocessSpec:
    return PreprocessSpec(
        resize_shorter_px=resize_shorter_px,
        crop_hw=crop_hw,
        interpolation=interpolation,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    )


def decoded(image: Image.Image) -> DecodedImage:
    return DecodedImage(image=image, source_wh=image.size)


def whole_then_cropped(image: Image.Image, chosen: PreprocessSpec) -> np.ndarray:
    """Resize all of the image and cut the centre out: what `preprocess` must equal."""
    width, height = image.size
    target = chosen.resize_shorter_px
    if width <= height:
        resized_wh = (target, max(target, target * height // width))
    else:
        resized_wh = (max(target, target * width // height), target)
    resampling = Image.Resampling[chosen.interpolation.upper()]
    resized = np.asarray(image.resize(resized_wh, resample=resampling))
    crop_h, crop_w = chosen.crop_hw
    top, left = round((resized_wh[1] - crop_h) / 2), round((resized_wh[0] - crop_w) / 2)
    return resized[top : top + crop_h, left : left + crop_w]


@pytest.mark.parametrize("crop_hw", CROPS)
def test_bilinear_is_within_one_grey_level_of_resizing_the_whole_image(
    crop_hw: tuple[int, int],
) -> None:
    chosen = spec(crop_hw)
    for size_wh in SIZES:
        image = noise(size_wh)
        result = preprocess(decoded(image), chosen)
        assert result.shape == (*crop_hw, 3)
        assert result.dtype == np.uint8
        difference = np.abs(result - whole_then_cropped(image, chosen).astype(np.int16))
        assert difference.max() <= 1, size_wh


# The sharpening filters overshoot, which an 8-bit intermediate image cuts off: where Pillow takes
# the two directions in another order for the box than for the whole, a few pixels differ by more.
@pytest.mark.parametrize("interpolation", ["bicubic", "lanczos"])
def test_the_sharper_filters_are_within_one_grey_level_but_for_a_few_pixels(
    interpolation: Interpolation,
) -> None:
    differing = []
    for crop_hw, size_wh in itertools.product(CROPS, SIZES):
        image = picture(size_wh)
        result = preprocess(decoded(image), spec(crop_hw, interpolation))
        expected = whole_then_cropped(image, spec(crop_hw, interpolation))
        differing.append((np.abs(result - expected.astype(np.int16)) > 1).mean())
    assert np.mean(differing) <= 0.0005
    assert max(differing) <= 0.1


def test_nearest_takes_the_same_pixels_but_at_exact_ties() -> None:
    equal = []
    for crop_hw, size_wh in itertools.product(CROPS, SIZES):
        image = noise(size_wh)
        result = preprocess(decoded(image), spec(crop_hw, "nearest"))
        equal.append((result == whole_then_cropped(image, spec(crop_hw, "nearest"))).all())
    assert np.mean(equal) >= 0.9


def test_an_image_of_the_models_size_is_left_as_it_is() -> None:
    image = noise((32, 32))
    result = preprocess(decoded(image), spec((32, 32), "bicubic"))
    np.testing.assert_array_equal(result, np.asarray(image))


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((320, 320, 3), np.uint8)
    stripes[:, ::2] = 255
    result = preprocess(decoded(Image.fromarray(stripes)), spec((32, 32)))
    assert np.abs(result.astype(np.int16) - 127).max() <= 4


@pytest.mark.training
@pytest.mark.parametrize("crop_hw", CROPS)
def test_bilinear_is_within_one_grey_level_of_torchvision(crop_hw: tuple[int, int]) -> None:
    from torchvision import transforms

    reference = transforms.Compose(
        [transforms.Resize(32, antialias=True), transforms.CenterCrop(crop_hw)]
    )
    for size_wh in SIZES:
        image = noise(size_wh)
        expected = pixels(reference(image))
        result = preprocess(decoded(image), spec(crop_hw)).astype(np.int16)
        assert np.abs(result - expected).max() <= 1, size_wh


@pytest.mark.training
@pytest.mark.parametrize("interpolation", get_args(Interpolation))
def test_the_whole_image_reference_of_these_tests_is_torchvisions(
    interpolation: Interpolation,
) -> None:
    from torchvision import transforms

    mode = transforms.InterpolationMode(interpolation)
    for crop_hw, size_wh in itertools.product(CROPS, SIZES):
        image = noise(size_wh)
        reference = transforms.Compose(
            [transforms.Resize(32, mode, antialias=True), transforms.CenterCrop(crop_hw)]
        )
        expected = whole_then_cropped(image, spec(crop_hw, interpolation))
        np.testing.assert_array_equal(np.asarray(reference(image)), expected, f"{size_wh}")


def test_the_crop_box_lies_in_the_image_and_has_the_crops_shape() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        size_wh = (rng.randint(1, 5000), rng.randint(1, 5000))
        resize = rng.randint(1, 512)
        crop_hw = (rng.randint(1, resize), rng.randint(1, resize))
        left, top, right, bottom = crop_box(size_wh, spec(crop_hw, resize_shorter_px=resize))
        assert 0 <= left < right <= size_wh[0]
        assert 0 <= top < bottom <= size_wh[1]


def test_the_crop_box_is_the_centre() -> None:
    assert crop_box((640, 320), spec((32, 32))) == (160.0, 0.0, 480.0, 320.0)
    assert crop_box((320, 640), spec((16, 32))) == (0.0, 240.0, 320.0, 400.0)
    assert crop_box((32, 32), spec((28, 30))) == (1.0, 2.0, 31.0, 30.0)


PADDED = dataclasses.replace(spec((32, 32)), fit="pad", mean=(0.485, 0.456, 0.406))
SQUASHED = dataclasses.replace(spec((32, 32)), fit="squash")


@pytest.mark.parametrize(
    ("size_wh", "inner"), [((90, 30), (0, 10, 32, 21)), ((20, 80), (12, 0, 20, 32))]
)
def test_padding_keeps_all_of_the_image_between_bars_of_the_mean_colour(
    size_wh: tuple[int, int], inner: tuple[int, int, int, int]
) -> None:
    image = noise(size_wh)
    left, top, right, bottom = inner
    result = preprocess(decoded(image), PADDED)
    resized = image.resize((right - left, bottom - top), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(result[top:bottom, left:right], pixels(resized))
    result = result.copy()
    result[top:bottom, left:right] = (124, 116, 104)
    np.testing.assert_array_equal(result, np.full((32, 32, 3), (124, 116, 104)))


def test_squashing_keeps_all_of_the_image() -> None:
    image = noise((90, 31))
    expected = pixels(image.resize((32, 32), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(preprocess(decoded(image), SQUASHED), expected)


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 3000), (3000, 1), (32, 32), (640, 481)])
@pytest.mark.parametrize("fitted", [PADDED, SQUASHED])
def test_any_size_can_be_padded_and_squashed(
    size_wh: tuple[int, int], fitted: PreprocessSpec
) -> None:
    for made in (preprocess, resize_for_training):
        assert made(decoded(noise(size_wh)), fitted).shape == (32, 32, 3)


def test_the_crop_box_of_a_padded_image_reaches_beyond_it_and_of_a_squashed_one_is_all_of_it() -> (
    None
):
    assert crop_box((640, 320), PADDED) == (0.0, -160.0, 640.0, 480.0)
    assert crop_box((320, 640), PADDED) == (-160.0, 0.0, 480.0, 640.0)
    assert crop_box((640, 320), SQUASHED) == (0.0, 0.0, 640.0, 320.0)


@pytest.mark.parametrize("fitted", [PADDED, SQUASHED])
def test_training_takes_its_parts_from_the_image_as_it_is_padded_or_squashed(
    fitted: PreprocessSpec,
) -> None:
    chosen = dataclasses.replace(fitted, resize_shorter_px=32, crop_hw=(28, 28))
    whole = dataclasses.replace(fitted, resize_shorter_px=32, crop_hw=(32, 32))
    image = decoded(noise((90, 30)))
    np.testing.assert_array_equal(resize_for_training(image, chosen), preprocess(image, whole))


def test_preparing_bytes_keeps_the_sent_size_and_the_limits() -> None:
    data = encode(noise((100, 50)))
    prepared = prepare_image(data, spec((28, 30)))
    assert prepared.source_wh == (100, 50)
    assert prepared.pixels.shape == (28, 30, 3)
    with pytest.raises(ImageTooLarge):
        prepare_image(data, spec(), limits=DecodeLimits(max_pixels=4999))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"resize_shorter_px": 0}, "resize_shorter_px must be 1..4096, got 0"),
        ({"resize_shorter_px": 4097}, "got 4097"),
        ({"crop_hw": (0, 8)}, "crop_hw"),
        ({"crop_hw": (33, 32)}, r"1..32 px, got \(33, 32\)"),
        ({"crop_hw": (8, 8, 8)}, "crop_hw"),
        ({"interpolation": "area"}, "'area' is not one of"),
        ({"fit": "stretch"}, "'stretch' is not one of"),
        ({"mean": (0.0, 0.0)}, "three means"),
        ({"std": (0.2, 0.0, 0.2)}, "positive stds"),
        ({"std": (0.2, -1.0, 0.2)}, "positive stds"),
        ({"mean": (float("nan"), 0.0, 0.0)}, "finite"),
        ({"std": (float("nan"), 0.2, 0.2)}, "finite"),
        ({"std": (0.2, float("inf"), 0.2)}, "finite"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        dataclasses.replace(spec(), **change)
