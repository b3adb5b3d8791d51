"""Training-only changes to an image: a random part of it, a horizontal flip, one small distortion.

Every draw comes from a generator that is given, so that a run can be repeated exactly and images can
be prepared by any thread in any order. What was sampled is applied here by Pillow, to one image; on a GPU
`gpu_augmentation.py` makes the same of a batch.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from PIL import Image, ImageEnhance

from training.runtime.arrays import Pixels

# Szegedy et al. 2015, "Going Deeper with Convolutions", with a larger smallest area: the range made
# for 300 epochs of ImageNet cuts the object out of a small data set's images.
AREA_RANGE: Final = (0.35, 1.0)
ASPECT_RANGE: Final = (3 / 4, 4 / 3)
_ATTEMPTS: Final = 10
# Zhong et al. 2017, "Random Erasing": how often, and how much of the image.
ERASED_OFTEN: Final = 0.25
ERASED_AREA: Final = (0.02, 0.2)
# At full magnitude: a factor's distance from 1, degrees, and px a px.
ENHANCED: Final = 0.4
ROTATED_DEG: Final = 15.0
SHEARED: Final = 0.2
GREY: Final = 128
_FILL: Final = (GREY, GREY, GREY)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """What may be done to a training image.

    Attributes:
        horizontal_flip: half of the results are flipped.
        distort: one small change of colour, sharpness or shape each, and grey patches.
    """

    horizontal_flip: bool
    distort: bool


class Distortion(IntEnum):
    """One way to change an image a little."""

    NOTHING = 0
    BRIGHTNESS = 1
    CONTRAST = 2
    COLOUR = 3
    SHARPNESS = 4
    ROTATION = 5
    SHEAR = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledAugmentation:
    """The augmentation that was sampled for one image.

    Attributes:
        box: the part that is kept, in px of the image.
        horizontal_flip: whether it is flipped left to right.
        distortion, magnitude: how it is distorted, and how much, -1 to 1.
        erased: (top, left, height, width) of a grey patch in px of the result, or None.
    """

    box: Box
    horizontal_flip: bool = False
    distortion: Distortion = Distortion.NOTHING
    magnitude: float = 0.0
    erased: tuple[int, int, int, int] | None = None


def sample_augmentation(
    size_wh: tuple[int, int],
    side_hw: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> SampledAugmentation:
    """Draw what is to be made of an image of some size.

    The distortions are those of Müller & Hutter 2021, "TrivialAugment", with its mildest third of
    magnitudes and without the operations that turn colours into others: a label may well be a colour.
    """
    box = random_box(size_wh, rng)
    horizontal_flip = augmentation.horizontal_flip and bool(rng.random() < 0.5)
    if not augmentation.distort:
        return SampledAugmentation(box=box, horizontal_flip=horizontal_flip)
    return SampledAugmentation(
        box=box,
        horizontal_flip=horizontal_flip,
        distortion=Distortion(int(rng.integers(len(Distortion)))),
        magnitude=float(rng.uniform(-1, 1)),
        erased=_patch(side_hw, rng) if rng.random() < ERASED_OFTEN else None,
    )


def apply_augmentation(
    image: Image.Image, side_hw: tuple[int, int], sampled: SampledAugmentation
) -> Pixels:
    """Return an RGB image as changed, at a size: (H, W, 3) uint8."""
    height, width = side_hw
    changed = image.resize((width, height), Image.Resampling.BILINEAR, box=sampled.box)
    if sampled.horizontal_flip:
        changed = changed.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.array(_DISTORT[sampled.distortion](changed, sampled.magnitude), dtype=np.uint8)
    if sampled.erased is not None:
        top, left, erased_h, erased_w = sampled.erased
        pixels[top : top + erased_h, left : left + erased_w] = GREY
    return pixels


def random_box(size_wh: tuple[int, int], rng: np.random.Generator) -> Box:
    """Return (left, top, right, bottom) within an image, of random area and aspect ratio.

    Where no drawn box fits, the largest central box of an allowed aspect ratio.
    """
    width, height = size_wh
    log_aspects = np.log(ASPECT_RANGE)
    for _ in range(_ATTEMPTS):
        area = width * height * rng.uniform(*AREA_RANGE)
        aspect = math.exp(rng.uniform(*log_aspects))
        box_w, box_h = math.sqrt(area * aspect), math.sqrt(area / aspect)
        if box_w <= width and box_h <= height:
            left, top = rng.uniform(0, width - box_w), rng.uniform(0, height - box_h)
            return left, top, min(left + box_w, width), min(top + box_h, height)
    aspect = min(max(width / height, ASPECT_RANGE[0]), ASPECT_RANGE[1])
    box_w, box_h = min(width, height * aspect), min(height, width / aspect)
    left, top = (width - box_w) / 2, (height - box_h) / 2
    return left, top, left + box_w, top + box_h


def _enhance(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Callable[..., Image.Image]:
    return lambda image, magnitude: kind(image).enhance(1 + ENHANCED * magnitude)


def _rotate(image: Image.Image, magnitude: float) -> Image.Image:
    return image.rotate(ROTATED_DEG * magnitude, Image.Resampling.BILINEAR, fillcolor=_FILL)


def _shear(image: Image.Image, magnitude: float) -> Image.Image:
    shear = SHEARED * magnitude
    matrix = (1, shear, -shear * image.height / 2, 0, 1, 0)
    return image.transform(
        image.size,
        Image.Transform.AFFINE,
        matrix,
        resample=Image.Resampling.BILINEAR,
        fillcolor=_FILL,
    )


_DISTORT: Final[Mapping[Distortion, Callable[[Image.Image, float], Image.Image]]] = {
    Distortion.NOTHING: lambda image, magnitude: image,
    Distortion.BRIGHTNESS: _enhance(ImageEnhance.Brightness),
    Distortion.CONTRAST: _enhance(ImageEnhance.Contrast),
    Distortion.COLOUR: _enhance(ImageEnhance.Color),
    Distortion.SHARPNESS: _enhance(ImageEnhance.Sharpness),
    Distortion.ROTATION: _rotate,
    Distortion.SHEAR: _shear,
}


def _patch(side_hw: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Draw a part of the result that grey is to cover."""
    height, width = side_hw
    side = math.sqrt(rng.uniform(*ERASED_AREA))
    erased_h, erased_w = round(height * side), round(width * side)
    top = int(rng.integers(0, height - erased_h + 1))
    left = int(rng.integers(0, width - erased_w + 1))
    return top, left, erased_h, erased_w
