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
Fit = Literal["crop", "pad", "squash"]
Box = tuple[float, float, float, float]

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
        resize_shorter_px: the shorter side is resized to this, antialiased, aspect ratio kept. Whatever
            the `fit`, a JPEG may be decoded at a smaller scale while its shorter side stays twice that.
        crop_hw: (height, width) of the model's input; never larger than `resize_shorter_px`.
        interpolation: the resampling filter.
        mean, std: per channel (red, green, blue) in 0..1, applied inside the graph.
        decoder: the number of the decoding rules that the model was made with (`decoding/versions.py`);
            manifests of before that have none.
        fit: how an image that is wider or taller becomes `crop_hw`. "crop": the centre of the resized
            image. "pad": all of the image, resized to lie within `crop_hw` and centred there; the rest is
            `pad_rgb`. "squash": all of the image, resized to `crop_hw` without keeping its aspect ratio.
    """

    resize_shorter_px: int
    crop_hw: tuple[int, int]
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    decoder: int = 1
    fit: Fit = "crop"

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
        if self.fit not in get_args(Fit):
            raise ValueError(f"fit {self.fit!r} is not one of {list(get_args(Fit))}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(
                f"need three means and three positive stds, got {self.mean}, {self.std}"
            )
        if not all(map(math.isfinite, (*self.mean, *self.std))):
            raise ValueError(f"mean and std must be finite, got {self.mean}, {self.std}")

    @property
    def pad_rgb(self) -> tuple[int, int, int]:
        """The colour around an image that does not fill the input: the mean, which the graph makes 0."""
        red, green, blue = (min(255, max(0, round(255 * mean))) for mean in self.mean)
        return red, green, blue


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
    """Bring an image to the model's input by `spec.fit`: (H, W, 3) uint8 RGB.

    Of a crop only the pixels that are kept are computed, and Pillow's filter sees the neighbours outside
    the box. So the result is that of resizing the whole image and cropping then, but for rounding:
    Pillow keeps the box in 32 bits, and chooses by the sizes which direction it resizes first.
    """
    crop_h, crop_w = spec.crop_hw
    if spec.fit == "pad":
        return _padded(decoded, spec, (crop_w, crop_h))
    return _resized(decoded, spec, crop_box(decoded.source_wh, spec), (crop_w, crop_h))


def resize_for_training(decoded: DecodedImage, spec: PreprocessSpec) -> npt.NDArray[np.uint8]:
    """Return what training takes random parts of, its shorter side `spec.resize_shorter_px`: (H, W, 3) uint8.

    The whole image; with the fit "crop", of one longer than four times its width, or the other way
    round, the middle part. Padded or squashed as for the model, where these are the `spec.fit`.
    """
    width, height = decoded.source_wh
    if spec.fit != "crop":
        crop_h, crop_w = spec.crop_hw
        ratio = spec.resize_shorter_px / min(spec.crop_hw)
        size_wh = round(crop_w * ratio), round(crop_h * ratio)
        if spec.fit == "pad":
            return _padded(decoded, spec, size_wh)
        return _resized(decoded, spec, (0.0, 0.0, width, height), size_wh)
    kept_w, kept_h = min(width, _LONGEST_ASPECT * height), min(height, _LONGEST_ASPECT * width)
    left, top = (width - kept_w) / 2, (height - kept_h) / 2
    size_wh = _resized_wh((kept_w, kept_h), spec.resize_shorter_px)
    return _resized(decoded, spec, (left, top, left + kept_w, top + kept_h), size_wh)


def crop_box(size_wh: tuple[int, int], spec: PreprocessSpec) -> Box:
    """What the model's input shows of a sent image: (left, top, right, bottom) in the image's own pixels.

    With the fit "pad" it reaches beyond the image, by the bars around it. Rounding of a crop follows
    torchvision's `Resize` and `CenterCrop`.
    """
    width, height = size_wh
    if spec.fit == "squash":
        return 0.0, 0.0, float(width), float(height)
    crop_h, crop_w = spec.crop_hw
    if spec.fit == "pad":
        (inner_w, inner_h), (bar_x, bar_y) = _within(size_wh, (crop_w, crop_h))
        scale_x, scale_y = width / inner_w, height / inner_h
        left, top = -bar_x * scale_x, -bar_y * scale_y
        return left, top, left + crop_w * scale_x, top + crop_h * scale_y
    resized_w, resized_h = _resized_wh(size_wh, spec.resize_shorter_px)
    left_px, top_px = round((resized_w - crop_w) / 2), round((resized_h - crop_h) / 2)
    scale_x, scale_y = width / resized_w, height / resized_h
    return (
        left_px * scale_x,
        top_px * scale_y,
        min((left_px + crop_w) * scale_x, float(width)),
        min((top_px + crop_h) * scale_y, float(height)),
    )


def _padded(
    decoded: DecodedImage, spec: PreprocessSpec, size_wh: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Return the whole image in the middle of `size_wh`, bars of `spec.pad_rgb` at two of its sides."""
    width, height = decoded.source_wh
    inner_wh, bars_wh = _within((width, height), size_wh)
    padded = Image.new("RGB", size_wh, spec.pad_rgb)
    inner = _resized(decoded, spec, (0.0, 0.0, float(width), float(height)), inner_wh)
    padded.paste(Image.fromarray(inner), bars_wh)
    return _pixels(padded)


def _within(
    size_wh: tuple[int, int], outer_wh: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the largest size of an image within another, and where its left and top edge lie there."""
    scale = min(outer / side for outer, side in zip(outer_wh, size_wh, strict=True))
    inner_w, inner_h = (max(1, round(side * scale)) for side in size_wh)
    return (inner_w, inner_h), ((outer_wh[0] - inner_w) // 2, (outer_wh[1] - inner_h) // 2)


def _resized(
    decoded: DecodedImage, spec: PreprocessSpec, box: Box, size_wh: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Resize a part of the source, in its own pixels."""
    resample = _RESAMPLING[spec.interpolation]
    return _pixels(decoded.image.resize(size_wh, resample, box=_in_decoded(box, decoded)))


def _in_decoded(box: Box, decoded: DecodedImage) -> Box:
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
