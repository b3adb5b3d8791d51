"""Training-only changes to an image: a random part of it at the model's size, and a mirror image.

Every draw comes from a generator made of (seed, epoch, image), so that a run can be repeated exactly
and images can be prepared by any thread in any order.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.preprocessing import PreprocessSpec

# Szegedy et al. 2015, "Going Deeper with Convolutions", with a larger smallest area: the range made
# for 300 epochs of ImageNet cuts the object out of a small data set's images.
AREA_RANGE: Final = (0.35, 1.0)
ASPECT_RANGE: Final = (3 / 4, 4 / 3)
_ATTEMPTS: Final = 10

Box = tuple[float, float, float, float]


def augment(
    image: Image.Image, spec: PreprocessSpec, rng: np.random.Generator, *, mirror: bool
) -> npt.NDArray[np.uint8]:
    """Return a random crop of an RGB image, resized to the model's input: (H, W, 3) uint8.

    With `mirror`, half of the results are mirror images.
    """
    crop_h, crop_w = spec.crop_hw
    box = random_box(image.size, rng)
    resized = image.resize((crop_w, crop_h), Image.Resampling.BILINEAR, box=box)
    if mirror and rng.random() < 0.5:
        resized = resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(resized, dtype=np.uint8)


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
