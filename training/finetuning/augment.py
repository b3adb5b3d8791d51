"""Training-only changes to an image: a random part of it, a mirror image, one small distortion.

Every draw comes from a generator that is given, so that a run can be repeated exactly and images can
be prepared by any thread in any order.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

# Szegedy et al. 2015, "Going Deeper with Convolutions", with a larger smallest area: the range made
# for 300 epochs of ImageNet cuts the object out of a small data set's images.
AREA_RANGE: Final = (0.35, 1.0)
ASPECT_RANGE: Final = (3 / 4, 4 / 3)
_ATTEMPTS: Final = 10
# Zhong et al. 2017, "Random Erasing": how often, and how much of the image.
ERASED_OFTEN: Final = 0.25
ERASED_AREA: Final = (0.02, 0.2)
_GREY: Final = (128, 128, 128)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """What may be done to a training image.

    Attributes:
        mirror: half of the results are mirror images.
        distort: one small change of colour, sharpness or shape each, and grey patches.
    """

    mirror: bool
    distort: bool


def augment(
    image: Image.Image,
    side_hw: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    """Return a random part of an RGB image, resized and changed: (H, W, 3) uint8."""
    height, width = side_hw
    box = random_box(image.size, rng)
    changed = image.resize((width, height), Image.Resampling.BILINEAR, box=box)
    if augmentation.mirror and rng.random() < 0.5:
        changed = changed.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if not augmentation.distort:
        return np.asarray(changed, dtype=np.uint8)
    pixels = np.array(_distort(changed, rng), dtype=np.uint8)
    if rng.random() < ERASED_OFTEN:
        _erase(pixels, rng)
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


def _distort(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Change an image in one way drawn, as strongly as drawn.

    Müller & Hutter 2021, "TrivialAugment", with its mildest third of strengths and without the
    operations that turn colours into others: a label may well be a colour.
    """
    change = _CHANGES[rng.integers(len(_CHANGES))]
    return change(image, float(rng.uniform(-1, 1)))


def _enhance(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Callable[..., Image.Image]:
    return lambda image, strength: kind(image).enhance(1 + 0.4 * strength)


def _rotate(image: Image.Image, strength: float) -> Image.Image:
    return image.rotate(15 * strength, Image.Resampling.BILINEAR, fillcolor=_GREY)


def _shear(image: Image.Image, strength: float) -> Image.Image:
    shear = 0.2 * strength
    matrix = (1, shear, -shear * image.height / 2, 0, 1, 0)
    return image.transform(
        image.size,
        Image.Transform.AFFINE,
        matrix,
        resample=Image.Resampling.BILINEAR,
        fillcolor=_GREY,
    )


_CHANGES: Final[tuple[Callable[[Image.Image, float], Image.Image], ...]] = (
    lambda image, strength: image,
    _enhance(ImageEnhance.Brightness),
    _enhance(ImageEnhance.Contrast),
    _enhance(ImageEnhance.Color),
    _enhance(ImageEnhance.Sharpness),
    _rotate,
    _shear,
)


def _erase(pixels: npt.NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Cover a random part with grey, in place."""
    height, width = pixels.shape[:2]
    side = math.sqrt(rng.uniform(*ERASED_AREA))
    erased_h, erased_w = round(height * side), round(width * side)
    top = int(rng.integers(0, height - erased_h + 1))
    left = int(rng.integers(0, width - erased_w + 1))
    pixels[top : top + erased_h, left : left + erased_w] = _GREY
