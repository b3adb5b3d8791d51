"""From encoded bytes to pixels: the steps, and the errors that they end in."""

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageFile

from inference.decoding.bmp_header import read_bmp_header
from inference.decoding.failures import PILLOW_FAILURES, silence_pillow
from inference.decoding.gif_header import read_gif_header
from inference.decoding.header import Header
from inference.decoding.jpeg_header import jpeg_scale, read_jpeg_header
from inference.decoding.jpeg_segments import without_metadata
from inference.decoding.limits import DEFAULT_LIMITS, DecodeLimits, over_byte_limit
from inference.decoding.orientation import (
    is_on_its_side,
    orientation_of,
    origin_after_turn,
    turn,
)
from inference.decoding.png_header import read_png_header
from inference.decoding.rgb import to_rgb
from inference.decoding.room import Room
from inference.decoding.timed_reader import OutOfTime, TimedReader
from inference.decoding.webp_frame import decode_first_frame
from inference.decoding.webp_header import read_webp_header
from inference.errors import ImageTooCostly, ImageTooLarge, UndecodableImage
from inference.formats import sniff_format

# A little above what one image may take, so that small ones pass by a large one.
_ROOM: Final = Room(600 * 10**6)
_PIECE_BYTES: Final = ImageFile.MAXBLOCK


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


def read_header(data: bytes, *, shorter_px: int | None = None) -> Header | None:
    """Return an image's size and what decoding it would cost, from its header alone.

    Args:
        data: the encoded file.
        shorter_px: as for `decode_image`.

    Returns:
        None for a file whose header cannot be read: decoding it costs nothing and fails.

    Raises:
        UnsupportedFormat: not an accepted format.
        UndecodableImage: empty, or made of more parts than an honest file has.
    """
    match sniff_format(data):
        case "JPEG":
            return read_jpeg_header(data, shorter_px)
        case "PNG":
            return read_png_header(data)
        case "WEBP":
            return read_webp_header(data)
        case "GIF":
            return read_gif_header(data)
        case _:
            return read_bmp_header(data)


def decode_image(
    data: bytes, *, shorter_px: int | None = None, limits: DecodeLimits = DEFAULT_LIMITS
) -> DecodedImage:
    """Decode one image. Waits while other threads decode images that fill the memory for it.

    Args:
        data: the encoded file.
        shorter_px: the shorter side that the caller will resize to. A JPEG is then decoded at
            1/2, 1/4 or 1/8 scale (in the DCT domain) as long as its shorter side stays at least
            twice that. None decodes at full size.
        limits: refuse what is larger.

    Raises:
        UnsupportedFormat: not an accepted format.
        ImageTooLarge: over `limits`; `ImageTooCostly` where that is in what decoding takes.
        UndecodableImage: empty, truncated, damaged, or made of more parts than an honest file has.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(over_byte_limit(limits.max_bytes))
    header = read_header(data, shorter_px=shorter_px)
    if header is not None:
        _check_pixels(header.size_wh, limits)
        _check_cost(header, limits)
    silence_pillow()
    with _ROOM.hold(header.memory_bytes if header is not None else 0):
        try:
            return _decode(data, shorter_px, header, limits)
        except OutOfTime as err:
            raise ImageTooCostly(
                f"image took over {limits.max_seconds:g} s to decode; scale it down or save it "
                "again with an image editor"
            ) from err


def read_orientation(data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS) -> int:
    """Return how `decode_image` turns an image that it takes: EXIF's number, 1 (upright) to 8.

    Raises:
        ImageError: as `decode_image`.
    """
    image_format = sniff_format(data)
    header = read_header(data)
    silence_pillow()
    is_png = image_format == "PNG"  # which may say so behind its pixels
    with _ROOM.hold(header.memory_bytes if header is not None and is_png else 0):
        image = _open(data, image_format, limits)
        try:
            if is_png:
                image.load()
            return orientation_of(image)
        except (*PILLOW_FAILURES, OutOfTime) as err:
            raise UndecodableImage(f"{image_format} image is truncated or damaged") from err


def _decode(
    data: bytes, shorter_px: int | None, header: Header | None, limits: DecodeLimits
) -> DecodedImage:
    image_format = sniff_format(data)
    image = _open(data, image_format, limits)
    header_wh = image.size
    _check_pixels(header_wh, limits)
    if header is None or header_wh[0] * header_wh[1] > header.num_pixels:
        raise _unreadable_header(image_format)
    try:
        scale = _scale_jpeg(image, shorter_px)
        loaded = _load(image, data)
        orientation = orientation_of(image)
        rgb = to_rgb(loaded)
        if rgb is not image:
            image.close()  # its memory goes now, before a turn makes another copy
        del loaded
        upright = turn(rgb, orientation)
    except (MemoryError, Image.DecompressionBombError) as err:
        raise ImageTooLarge(
            f"image of {header_wh[0]}x{header_wh[1]} px does not fit in memory; scale it down"
        ) from err
    except PILLOW_FAILURES as err:
        raise UndecodableImage(
            f"{image.format} image is truncated or damaged; replace it with a sound copy"
        ) from err
    source_wh = header_wh[::-1] if is_on_its_side(orientation) else header_wh
    return DecodedImage(
        image=upright,
        source_wh=source_wh,
        scale=scale,
        origin_xy=origin_after_turn(upright.size, source_wh, scale, orientation),
    )


def _load(image: Image.Image, data: bytes) -> Image.Image:
    """Decode; return what holds the pixels, which is mostly `image` itself."""
    frame = decode_first_frame(data, image) if image.format == "WEBP" else None
    if frame is not None:
        return frame
    image.load()
    return image


def _open(data: bytes, image_format: str, limits: DecodeLimits) -> Image.Image:
    try:
        return _open_despite_metadata(data, image_format, limits)
    except (MemoryError, Image.DecompressionBombError) as err:
        raise ImageTooLarge("image has too many pixels; scale it down") from err
    except PILLOW_FAILURES as err:
        raise _unreadable_header(image_format) from err


def _open_despite_metadata(data: bytes, image_format: str, limits: DecodeLimits) -> Image.Image:
    """Open; a JPEG whose metadata Pillow stumbles over is opened without them, so unturned."""
    try:
        return _open_as(data, image_format, limits)
    except PILLOW_FAILURES:
        if image_format != "JPEG":
            raise
        return _open_as(without_metadata(data), image_format, limits)


def _open_as(data: bytes, image_format: str, limits: DecodeLimits) -> Image.Image:
    stream = io.BytesIO(data)
    if len(data) > _PIECE_BYTES:  # a smaller one is read at once
        stream = TimedReader(data, max_seconds=limits.max_seconds)
    return Image.open(stream, formats=[image_format])


def _unreadable_header(image_format: str) -> UndecodableImage:
    return UndecodableImage(
        f"file starts like {image_format} but its header cannot be read; replace it with a sound copy"
    )


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


def _check_cost(header: Header, limits: DecodeLimits) -> None:
    """Refuse what would take too long or too much memory, before any of it is taken."""
    width, height = header.size_wh
    if header.seconds > limits.max_seconds or header.memory_bytes > limits.max_memory_bytes:
        raise ImageTooCostly(
            f"image of {width}x{height} px is stored in a way that takes too much time or memory to "
            "decode; scale it down or save it again with an image editor"
        )


def _scale_jpeg(image: Image.Image, shorter_px: int | None) -> int:
    """Have a JPEG decoded at the smallest allowed scale and return it; 1 for other formats."""
    if image.format not in ("JPEG", "MPO"):
        return 1
    width, height = image.size
    scale = jpeg_scale(image.size, shorter_px)
    if scale > 1:
        image.draft(None, (width // scale, height // scale))
    return scale
