"""The changes of `random_augmentation.py`, made of a whole batch where its images lie: on a GPU.

Pillow's threads prepare some hundred images a second and core; a GPU trains on thousands. Results are
Pillow's but for the rounding: resizing is two products with the triangle filter's weights, which is how
Pillow does it, too.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from training.augmentation.random_augmentation import (
    ENHANCED,
    GREY,
    ROTATED_DEG,
    SHEARED,
    Box,
    Distortion,
    SampledAugmentation,
)

# ITU-R 601-2, as in Pillow's conversion to grey levels.
_LUMA: Final = (0.299, 0.587, 0.114)
# Pillow's SMOOTH filter.
_SMOOTH: Final = ((1, 1, 1), (1, 5, 1), (1, 1, 1))


def augment_batch(
    images: Sequence[Tensor], side_hw: tuple[int, int], sampled: Sequence[SampledAugmentation]
) -> Tensor:
    """Return images as changed, at a size: (N, 3, H, W) uint8 on the device of the images.

    Args:
        images: each (h, w, 3) uint8 RGB, of any size, all on one device.
        side_hw: of the result.
        changes: of each image.
    """
    pixels = _parts(images, side_hw, sampled)
    for distortion, distort in _DISTORT.items():
        chosen = [i for i, change in enumerate(sampled) if change.distortion == distortion]
        if chosen:
            magnitudes = [sampled[i].magnitude for i in chosen]
            pixels[chosen] = _whole_levels(distort(pixels[chosen], _per_image(magnitudes, pixels)))
    for i, change in enumerate(sampled):
        if change.erased is not None:
            top, left, height, width = change.erased
            pixels[i, :, top : top + height, left : left + width] = GREY
    return pixels.to(torch.uint8)


def _parts(
    images: Sequence[Tensor], side_hw: tuple[int, int], sampled: Sequence[SampledAugmentation]
) -> Tensor:
    """Return the sampled part of each image, resized and perhaps flipped: (N, 3, H, W), whole levels."""
    device = images[0].device
    windows = [
        _window(image, side_hw, change.box) for image, change in zip(images, sampled, strict=True)
    ]
    kept = [image for image, _ in windows]
    boxes = torch.tensor([box for _, box in windows], device=device)
    sizes = torch.tensor([image.shape[:2] for image in kept], device=device)
    most_h, most_w = (max(image.shape[axis] for image in kept) for axis in (0, 1))
    padded = torch.zeros(len(kept), most_h, most_w, 3, dtype=torch.float32, device=device)
    for place, image in zip(padded, kept, strict=True):
        place[: image.shape[0], : image.shape[1]] = image
    height, width = side_hw
    down = _filter(boxes[:, 1], boxes[:, 3], sizes[:, 0], most_h, height)
    across = _filter(boxes[:, 0], boxes[:, 2], sizes[:, 1], most_w, width)
    flipped = torch.tensor([change.horizontal_flip for change in sampled], device=device)
    across = torch.where(flipped[:, None, None], across.flip(1), across)
    narrow = _whole_levels(torch.einsum("nxw,nhwc->nchx", across, padded))
    return _whole_levels(torch.einsum("nyh,nchx->ncyx", down, narrow))


def _window(image: Tensor, side_hw: tuple[int, int], box: Box) -> tuple[Tensor, Box]:
    """Return what of an image the filter looks at for a box, and where the box lies in that.

    A panorama would otherwise make all images of the batch as wide as it is.
    """
    left, top, right, bottom = box
    reach_x = math.ceil(max(1.0, (right - left) / side_hw[1]))
    reach_y = math.ceil(max(1.0, (bottom - top) / side_hw[0]))
    first_x, first_y = max(0, int(left) - reach_x), max(0, int(top) - reach_y)
    window = image[
        first_y : math.ceil(bottom) + reach_y,
        first_x : math.ceil(right) + reach_x,
    ]
    return window, (left - first_x, top - first_y, right - first_x, bottom - first_y)


def _filter(first: Tensor, last: Tensor, size: Tensor, most: int, count: int) -> Tensor:
    """Return the triangle filter's weights (N, count, most) for the pixels first..last of each image."""
    scale = ((last - first) / count)[:, None, None]
    support = scale.clamp(min=1.0)
    centre = (
        first[:, None, None] + (torch.arange(count, device=first.device)[:, None] + 0.5) * scale
    )
    place = torch.arange(most, device=first.device)
    weights = (1 - ((place + 0.5 - centre) / support).abs()).clamp(min=0.0)
    weights = weights * (place < size[:, None, None])
    return weights / weights.sum(dim=-1, keepdim=True)


def _whole_levels(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255)


def _per_image(values: Sequence[float], pixels: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=pixels.device)[:, None, None, None]


def _grey(pixels: Tensor) -> Tensor:
    luma = torch.tensor(_LUMA, device=pixels.device)[:, None, None]
    return _whole_levels((pixels * luma).sum(dim=1, keepdim=True))


def _blend(without: Tensor | float, pixels: Tensor, magnitudes: Tensor) -> Tensor:
    """Go from an image without something towards the image, and beyond."""
    return without + (1 + ENHANCED * magnitudes) * (pixels - without)


def _brightness(pixels: Tensor, magnitudes: Tensor) -> Tensor:
    return _blend(0.0, pixels, magnitudes)


def _contrast(pixels: Tensor, magnitudes: Tensor) -> Tensor:
    return _blend(_grey(pixels).mean(dim=(1, 2, 3), keepdim=True).round(), pixels, magnitudes)


def _colour(pixels: Tensor, magnitudes: Tensor) -> Tensor:
    return _blend(_grey(pixels), pixels, magnitudes)


def _sharpness(pixels: Tensor, magnitudes: Tensor) -> Tensor:
    kernel = torch.tensor(_SMOOTH, dtype=torch.float32, device=pixels.device)
    kernel = (kernel / kernel.sum()).expand(3, 1, 3, 3)
    smooth = pixels.clone()  # the outermost pixels stay as they are
    smooth[:, :, 1:-1, 1:-1] = _whole_levels(functional.conv2d(pixels, kernel, groups=3))
    return _blend(smooth, pixels, magnitudes)


def _rotation(pixels: Tensor, magnitudes: Tensor) -> Tensor:
    """Turn about the middle, counter-clockwise for positive magnitudes."""
    angle = -torch.deg2rad(ROTATED_DEG * magnitudes.flatten())
    cos, sin = angle.cos(), angle.sin()
    middle_x, middle_y = pixels.shape[-1] / 2, pixels.shape[-2] / 2
    return _warp(
        pixels,
        from_x=(cos, sin, middle_x - cos * middle_x - sin * middle_y),
        from_y=(-sin, cos, middle_y + sin * middle_x - cos * middle_y),
    )


def _shear(pixels: Tensor, magnitudes: Tensor) -> Tensor:
    shear = SHEARED * magnitudes.flatten()
    one, none = torch.ones_like(shear), torch.zeros_like(shear)
    return _warp(
        pixels,
        from_x=(one, shear, -shear * pixels.shape[-2] / 2),
        from_y=(none, one, none),
    )


def _warp(
    pixels: Tensor,
    *,
    from_x: tuple[Tensor, Tensor, Tensor],
    from_y: tuple[Tensor, Tensor, Tensor],
) -> Tensor:
    """Take each pixel from a * x + b * y + c of the image, both ways; grey where that lies outside."""
    height, width = pixels.shape[-2:]
    y = torch.arange(height, device=pixels.device)[:, None] + 0.5
    x = torch.arange(width, device=pixels.device) + 0.5
    source_x, source_y = (
        a[:, None, None] * x + b[:, None, None] * y + c[:, None, None]
        for a, b, c in (from_x, from_y)
    )
    grid = torch.stack([2 * source_x / width - 1, 2 * source_y / height - 1], dim=-1)
    found = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    inside = (source_x >= 0) & (source_x < width) & (source_y >= 0) & (source_y < height)
    return torch.where(inside[:, None], found, torch.full_like(found, GREY))


_DISTORT: Final[Mapping[Distortion, Callable[[Tensor, Tensor], Tensor]]] = {
    Distortion.BRIGHTNESS: _brightness,
    Distortion.CONTRAST: _contrast,
    Distortion.COLOUR: _colour,
    Distortion.SHARPNESS: _sharpness,
    Distortion.ROTATION: _rotation,
    Distortion.SHEAR: _shear,
}
