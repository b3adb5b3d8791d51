"""Encoded bytes to an upright RGB image: the one decoder of training, the service and the tools.

Each odd file has one treatment, the same on both sides:

* format by magic bytes, from an allow-list (`formats.py`); animations and MPO give their first frame;
* EXIF orientation is applied; an EXIF block that cannot be read counts as upright;
* transparency is composited over white; palette, grey, CMYK and 16-bit images become 8-bit RGB;
* colour profiles are ignored (the numbers are taken as sRGB);
* truncated data is refused, never padded with grey; so is a PNG whose compressed text or colour
  profile inflates beyond Pillow's 1 MiB, sound pixels or not, for that is how bombs are built;
* bytes and pixels are limited, the pixels from the header before anything is decoded.
"""

import io
import re
import struct
import threading
import warnings
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from inference.errors import ImageTooLarge, UndecodableImage
from inference.formats import sniff_format
from inference.jpeg_segments import without_metadata

_ORIENTATION_TAG: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Orientations that bring the right or bottom edge of the stored image to the left, or to the top.
_STORED_END_IS_LEFT: Final = frozenset({2, 3, 6, 7})
_STORED_END_IS_TOP: Final = frozenset({3, 4, 7, 8})
_JPEG_SCALES: Final = (8, 4, 2)
# Pillow refuses more than this by itself.
_MAX_PIXELS: Final = 178_956_970
# Pillow warns of untidy metadata and of large images; `DecodeLimits` and this module's rules decide
# instead. In the order and form of `warnings.filters`.
_FILTERS_LOCK: Final = threading.Lock()
_SILENCED: Final = tuple(
    ("ignore", None, category, re.compile(r"PIL\."), 0)
    for category in (UserWarning, Image.DecompressionBombWarning)
)

# What Pillow's decoders were seen to raise on damaged files. Listed, so that a mistake of ours
# (NameError, AssertionError, …) is not taken for a bad image.
_PILLOW_FAILURES: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    OverflowError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """The largest image that is decoded: `max_bytes` encoded, `max_pixels` and `max_side_px` from its header.

    Raises:
        ValueError: a limit is below 1, or `max_pixels` is above 178,956,970 (Pillow's own limit).
    """

    max_bytes: int = 16 * 2**20
    max_pixels: int = 50_000_000
    max_side_px: int = _MAX_PIXELS

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.max_side_px) < 1:
            raise ValueError(f"decode limits must be positive, got {self}")
        if self.max_pixels > _MAX_PIXELS:
            raise ValueError(f"max_pixels must be at most {_MAX_PIXELS:,}, got {self.max_pixels:,}")


DEFAULT_LIMITS: Final = DecodeLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedImage:
    """An upright RGB image and where it lies in the image that was sent.

    A scaled JPEG ends in pixels that its source covers only in part (333 px become 167, not
    166.5), and a turn may bring those to the front. Whoever took `image` for all of its source
    would be off by up to `scale` pixels.

    Attributes:
        image: mode "RGB".
        source_wh: (width, height) in pixels before any scaled decoding, after the EXIF turn.
        scale: 1, 2, 4 or 8 pixels of the source went into one of `image`, each way.
        origin_xy: where the source's left and top edge lie in `image`, in its pixels, 0..1.
    """

    image: Image.Image
    source_wh: tuple[int, int]
    scale: int = 1
    origin_xy: tuple[float, float] = (0.0, 0.0)


def decode_image(
    data: bytes, *, shorter_px: int | None = None, limits: DecodeLimits = DEFAULT_LIMITS
) -> DecodedImage:
    """Decode one image.

    Args:
        data: the encoded file.
        shorter_px: the shorter side that the caller will resize to. A JPEG is then decoded at
            1/2, 1/4 or 1/8 scale (in the DCT domain) as long as its shorter side stays at least
            twice that. None decodes at full size.
        limits: refuse what is larger.

    Raises:
        UnsupportedFormat: not an accepted format.
        ImageTooLarge: over `limits`.
        UndecodableImage: empty, truncated or damaged.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(over_byte_limit(limits.max_bytes))
    image_format = sniff_format(data)
    _silence_pillow()
    image = _open(data, image_format)
    header_wh = image.size
    _check_pixels(header_wh, limits)
    try:
        scale = 1 if shorter_px is None else _scale_jpeg(image, shorter_px)
        image.load()
        orientation = _orientation(image)
        upright = _turn(_to_rgb(image), orientation)
    except (MemoryError, Image.DecompressionBombError) as err:
        raise ImageTooLarge(
            f"image of {header_wh[0]}x{header_wh[1]} px does not fit in memory; scale it down"
        ) from err
    except _PILLOW_FAILURES as err:
        raise UndecodableImage(
            f"{image.format} image is truncated or damaged; replace it with a sound copy"
        ) from err
    source_wh = header_wh[::-1] if orientation >= 5 else header_wh
    return DecodedImage(
        image=upright,
        source_wh=source_wh,
        scale=scale,
        origin_xy=_origin_xy(upright.size, source_wh, scale, orientation),
    )


def over_byte_limit(max_bytes: int) -> str:
    """Return the message for an encoded image over the limit, for whoever stops reading at it.

    The size is not named: who stops there does not know it.
    """
    return f"image is over {max_bytes:,} bytes; make it smaller"


def _silence_pillow() -> None:
    """Keep Pillow's warnings from the user, and from raising where warnings are errors.

    `warnings.catch_warnings` swaps the process's filters back and forth, which races between
    threads. These filters are added once and stay; they are looked for on every call because a
    test runner or a caller's `catch_warnings` takes them away again.
    """
    if all(kind in warnings.filters for kind in _SILENCED):
        return
    with _FILTERS_LOCK:
        for _, _, category, module, _ in (k for k in _SILENCED if k not in warnings.filters):
            warnings.filterwarnings("ignore", category=category, module=module.pattern)


def _open(data: bytes, image_format: str) -> Image.Image:
    try:
        return _open_despite_metadata(data, image_format)
    except (MemoryError, Image.DecompressionBombError) as err:
        raise ImageTooLarge("image has too many pixels; scale it down") from err
    except _PILLOW_FAILURES as err:
        raise UndecodableImage(
            f"file starts like {image_format} but its header cannot be read; replace it with a sound copy"
        ) from err


def _open_despite_metadata(data: bytes, image_format: str) -> Image.Image:
    """Open; a JPEG whose metadata Pillow stumbles over is opened without them, so unturned."""
    try:
        return Image.open(io.BytesIO(data), formats=[image_format])
    except _PILLOW_FAILURES:
        if image_format != "JPEG":
            raise
        return Image.open(io.BytesIO(without_metadata(data)), formats=[image_format])


def _check_pixels(size_wh: tuple[int, int], limits: DecodeLimits) -> None:
    width, height = size_wh
    if width < 1 or height < 1:
        raise UndecodableImage(f"image is {width}x{height} px; replace it with a sound copy")
    if max(width, height) > limits.max_side_px:
        raise ImageTooLarge(
            f"image is {width}x{height} px, limit is {limits.max_side_px:,} px a side; "
            "scale it down"
        )
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"image is {width}x{height} px, limit is {limits.max_pixels / 1e6:g} million pixels; "
            "scale it down"
        )


def _scale_jpeg(image: Image.Image, shorter_px: int) -> int:
    """Have a JPEG decoded at the smallest allowed scale and return it; 1 for other formats."""
    if image.format not in ("JPEG", "MPO"):
        return 1
    width, height = image.size
    for scale in _JPEG_SCALES:
        # libjpeg rounds up: the decoded side is ceil(side / scale).
        if min(-(-width // scale), -(-height // scale)) >= 2 * shorter_px:
            image.draft(None, (width // scale, height // scale))
            return scale
    return 1


def _origin_xy(
    decoded_wh: tuple[int, int], source_wh: tuple[int, int], scale: int, orientation: int
) -> tuple[float, float]:
    surplus_x = decoded_wh[0] - source_wh[0] / scale
    surplus_y = decoded_wh[1] - source_wh[1] / scale
    return (
        surplus_x if orientation in _STORED_END_IS_LEFT else 0.0,
        surplus_y if orientation in _STORED_END_IS_TOP else 0.0,
    )


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except _PILLOW_FAILURES:
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith(("I", "F")):
        return _deep_grey_to_rgb(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """16-bit grey: keep the high byte, as Pillow does for 16-bit colour PNG."""
    samples = np.asarray(image).astype(np.int64).clip(0, 65535)
    grey = (samples >> 8).astype(np.uint8)
    if "transparency" in image.info:
        grey[samples == image.info["transparency"]] = 255
    return Image.fromarray(grey).convert("RGB")
