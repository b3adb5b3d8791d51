"""An RGB image to the model's pixels: the only place in the project that resizes for evaluation.

The numbers are resolved (no policy such as a crop percentage survives here) and travel in the
manifest. Normalisation with `mean` and `std` is inside the ONNX graph, so what this module gives
is uint8.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.decoding import DEFAULT_LIMITS, DecodedImage, DecodeLimits, decode_image
from inference.decoding.versions import check_decoder
from inference.freed_memory import trim_heaps

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]

_LONGEST_ASPECT: Final = 4
# The memory of such an image (32 MB) goes back at once; smaller ones use that of the one before.
_LARGE_PIXELS: Final = 8_000_000
_RESAMPLING: Final = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessSpec:
    """How an image becomes the model's input.

    Attributes:
        resize_shorter_px: the shorter side is resized to this, antialiased, aspect ratio kept.
        crop_hw: (height, width) of the centre crop that follows; never larger than the resized image.
        interpolation: the resampling filter.
        mean, std: per channel (red, green, blue) in 0..1, applied inside the graph.
        decoder: the number of the decoding rules that the model was made with (`decoding/versions.py`);
            manifests of before that have none.
    """

    resize_shorter_px: int
    crop_hw: tuple[int, int]
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    decoder: int = 1

    def __post_init__(self) -> None:
        check_decoder(self.decoder)
        if not 1 <= self.resize_shorter_px <= 4096:
            raise ValueError(f"resize_shorter_px must be 1..4096, got {self.resize_shorter_px}")
        if len(self.crop_hw) != 2 or not all(
            1 <= side <= self.resize_shorter_px for side in self.crop_hw
        ):
            raise ValueError(
                f"crop_hw must be two sides of 1..{self.resize_shorter_px} px, got {self.crop_hw}"
            )
        if self.interpolation not in get_args(Interpolation):
            raise ValueError(
                f"interpolation {self.interpolation!r} is not one of {list(_RESAMPLING)}"
            )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(
                f"need three means and three positive stds, got {self.mean}, {self.std}"
            )
        if not all(map(math.isfinite, (*self.mean, *self.std))):
            raise ValueError(f"mean and std must be finite, got {self.mean}, {self.std}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedImage:
    """The model's input for one image, with the size of the image it came from.

    `pixels`: (H, W, 3) uint8 RGB, H and W of `PreprocessSpec.crop_hw`.
    `source_wh`: (width, height) of the sent image after its EXIF turn.
    `notes`: what a person should know about the file, such as "incomplete: its end is missing".
    """

    pixels: npt.NDArray[np.uint8]
    source_wh: tuple[int, int]
    notes: tuple[str, ...] = ()


def prepare_image(
    data: bytes, spec: PreprocessSpec, *, limits: DecodeLimits = DEFAULT_LIMITS
) -> PreparedImage:
    """Decode an encoded image and bring it to the model's input size.

    Raises:
        ImageError: as `decode_image`.
    """
    decoded = decode_image(
        data, shorter_px=spec.resize_shorter_px, limits=limits, decoder=spec.decoder
    )
    prepared = PreparedImage(
        pixels=preprocess(decoded, spec), source_wh=decoded.source_wh, notes=decoded.notes
    )
    if decoded.image.width * decoded.image.height > _LARGE_PIXELS:
        del decoded
        trim_heaps()
    return prepared


def preprocess(decoded: DecodedImage, spec: PreprocessSpec) -> npt.NDArray[np.uint8]:
    """Resize the shorter side and crop the centre: (H, W, 3) uint8 RGB.

    Only the pixels of the crop are computed, and Pillow's filter sees the neighbours outside the
    box. So the result is that of resizing the whole image and cropping then, but for rounding:
    Pillow keeps the box in 32 bits, and chooses by the sizes which direction it resizes first.
    """
    crop_h, crop_w = spec.crop_hw
    box = _in_decoded(crop_box(decoded.source_wh, spec), decoded)
    resized = decoded.image.resize(
        (crop_w, crop_h), resample=_RESAMPLING[spec.interpolation], box=box
    )
    return _pixels(resized)


def resize_shorter(decoded: DecodedImage, spec: PreprocessSpec) -> npt.NDArray[np.uint8]:
    """Resize the whole image so that its shorter side is `spec.resize_shorter_px`: (H, W, 3) uint8.

    For training, which takes random parts of it. Of an image longer than four times its width, or
    the other way round, the middle part is taken.
    """
    width, height = decoded.source_wh
    kept_w, kept_h = min(width, _LONGEST_ASPECT * height), min(height, _LONGEST_ASPECT * width)
    left, top = (width - kept_w) / 2, (height - kept_h) / 2
    box = _in_decoded((left, top, left + kept_w, top + kept_h), decoded)
    size_wh = _resized_wh((kept_w, kept_h), spec.resize_shorter_px)
    resized = decoded.image.resize(size_wh, _RESAMPLING[spec.interpolation], box=box)
    return _pixels(resized)


def crop_box(size_wh: tuple[int, int], spec: PreprocessSpec) -> tuple[float, float, float, float]:
    """The part of a sent image that the model sees: (left, top, right, bottom) in its own pixels.

    Rounding follows torchvision's `Resize` and `CenterCrop`.
    """
    width, height = size_wh
    crop_h, crop_w = spec.crop_hw
    resized_w, resized_h = _resized_wh(size_wh, spec.resize_shorter_px)
    left, top = round((resized_w - crop_w) / 2), round((resized_h - crop_h) / 2)
    scale_x, scale_y = width / resized_w, height / resized_h
    return (
        left * scale_x,
        top * scale_y,
        min((left + crop_w) * scale_x, float(width)),
        min((top + crop_h) * scale_y, float(height)),
    )


def _in_decoded(
    box: tuple[float, float, float, float], decoded: DecodedImage
) -> tuple[float, float, float, float]:
    """Map a box from the source's pixels to those of the decoded image."""
    left, top, right, bottom = (side / decoded.scale for side in box)
    x, y = decoded.origin_xy
    width, height = decoded.image.size
    return left + x, top + y, min(right + x, float(width)), min(bottom + y, float(height))


def _pixels(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return an image in mode "RGB" as (H, W, 3), some 10 us sooner than `np.asarray`."""
    return np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width, 3)


def _resized_wh(size_wh: tuple[int, int], shorter_px: int) -> tuple[int, int]:
    width, height = size_wh
    if width <= height:
        return shorter_px, max(shorter_px, int(shorter_px * height / width))
    return max(shorter_px, int(shorter_px * width / height)), shorter_px
