"""From encoded bytes to pixels: the steps, and the errors that they end in."""

from dataclasses import dataclass
from typing import Final

from PIL import Image

from inference.decoding.deep_samples import grey_to_8_bits
from inference.decoding.failures import PILLOW_FAILURES, silence_pillow
from inference.decoding.header import Header
from inference.decoding.headers import HEADER_READERS, identify
from inference.decoding.limits import (
    DEFAULT_LIMITS,
    DecodeLimits,
    over_byte_limit,
    pixels_to_admit,
)
from inference.decoding.loading import Loaded, load, load_orientation, unreadable_header
from inference.decoding.orientation import is_on_its_side, origin_after_turn, turn
from inference.decoding.rgb import to_rgb, with_profile
from inference.decoding.room import Room
from inference.decoding.timed_reader import OutOfTime
from inference.decoding.versions import CURRENT_DECODER
from inference.errors import ImageTooCostly, ImageTooLarge, UndecodableImage

_HONEST_COST: Final = 4  # what costs more for its pixels is stored oddly
# A little above what one image may take, so that small ones pass by a large one.
_ROOM: Final = Room(600 * 10**6)


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
        notes: what a person should know about the file, such as "incomplete: its end is missing".
    """

    image: Image.Image
    source_wh: tuple[int, int]
    scale: int = 1
    origin_xy: tuple[float, float] = (0.0, 0.0)
    notes: tuple[str, ...] = ()


def decode_image(
    data: bytes,
    *,
    shorter_px: int | None = None,
    limits: DecodeLimits = DEFAULT_LIMITS,
    decoder: int = CURRENT_DECODER,
) -> DecodedImage:
    """Decode one image. Waits while other threads decode images that fill the memory for it.

    Args:
        data: the encoded file.
        shorter_px: the shorter side that the caller will resize to. A JPEG is then decoded at
            1/2, 1/4 or 1/8 scale (in the DCT domain) as long as its shorter side stays at least
            twice that; a JPEG 2000 likewise, and others before their colours are converted. None
            decodes at full size.
        limits: refuse what is larger.
        decoder: the number of the decoding rules (`versions.py`).

    Raises:
        UnsupportedFormat: not an accepted format.
        ImageTooLarge: over `limits`; `ImageTooCostly` where that is in what decoding takes.
        UndecodableImage: empty, truncated, damaged, or made of more parts than an honest file has.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(over_byte_limit(limits.max_bytes), over_bytes=True)
    image_format, data = identify(data)
    header = HEADER_READERS[image_format](data, shorter_px)
    if header is None:
        raise unreadable_header(image_format)
    _check_pixels(header, limits)
    _check_cost(header, limits)
    silence_pillow()
    with _ROOM.hold(header.memory_bytes):
        try:
            return _decode(
                data, image_format, header, limits, shorter_px=shorter_px, decoder=decoder
            )
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
    image_format, data = identify(data)
    header = HEADER_READERS[image_format](data, None)
    if header is None:
        raise unreadable_header(image_format)
    silence_pillow()
    # Of a PNG, which may say so behind its pixels, these are decoded.
    with _ROOM.hold(header.memory_bytes if image_format == "PNG" else 0):
        try:
            return load_orientation(data, image_format, header, max_seconds=limits.max_seconds)
        except (*PILLOW_FAILURES, OutOfTime) as err:
            raise UndecodableImage(f"{image_format} image is truncated or damaged") from err


def _decode(
    data: bytes,
    image_format: str,
    header: Header,
    limits: DecodeLimits,
    *,
    shorter_px: int | None,
    decoder: int,
) -> DecodedImage:
    try:
        loaded = load(data, image_format, header, max_seconds=limits.max_seconds, decoder=decoder)
        rgb, reduced = _to_srgb(loaded, shorter_px, decoder)
        if rgb is not loaded.image:
            loaded.image.close()  # its memory goes now, before a turn makes another copy
        upright = turn(rgb, loaded.orientation)
    except (MemoryError, Image.DecompressionBombError) as err:
        width, height = header.size_wh
        raise ImageTooLarge(
            f"image of {width}x{height} px does not fit in memory; scale it down"
        ) from err
    except PILLOW_FAILURES as err:
        if str(err).startswith("Unsupported"):
            raise UndecodableImage(
                f"{image_format} image is of a kind that is not read; save it again as PNG"
            ) from err
        raise UndecodableImage(
            f"{image_format} image is truncated or damaged; replace it with a sound copy"
        ) from err
    stored_wh, scale = loaded.stored_wh, loaded.scale * reduced
    source_wh = stored_wh[::-1] if is_on_its_side(loaded.orientation) else stored_wh
    return DecodedImage(
        image=upright,
        source_wh=source_wh,
        scale=scale,
        origin_xy=origin_after_turn(upright.size, source_wh, scale, loaded.orientation),
        notes=loaded.notes,
    )


def _to_srgb(loaded: Loaded, shorter_px: int | None, decoder: int) -> tuple[Image.Image, int]:
    """Return the image in mode "RGB", and how far it was reduced on the way, each way."""
    image, profile = loaded.image, loaded.image.info.get("icc_profile")
    if decoder < 2:
        return to_rgb(image), 1
    if image.mode.startswith(("I", "F")):
        image = grey_to_8_bits(image, white_is_zero=loaded.white_is_zero, decoder=decoder)
    if profile is None:
        return to_rgb(image), 1
    return with_profile(image, profile, shorter_px if loaded.scale == 1 else None)


def _check_pixels(header: Header, limits: DecodeLimits) -> None:
    width, height = header.size_wh
    if width < 1 or height < 1:
        raise UndecodableImage(f"image is {width}x{height} px; replace it with a sound copy")
    if max(width, height) > limits.max_side_px:
        raise ImageTooLarge(
            f"image is {width}x{height} px, limit is {limits.max_side_px:,} px a side; "
            "scale it down"
        )
    if header.num_decoded_pixels > limits.max_pixels:
        needed = pixels_to_admit(header.num_decoded_pixels, header.seconds, header.memory_bytes)
        raise ImageTooLarge(
            f"image is {width}x{height} px, limit is {limits.max_pixels / 1e6:g} million pixels; "
            + ("scale it down" if needed is None else _what_admits(header, needed)),
            needed_pixels=needed,
        )


def _check_cost(header: Header, limits: DecodeLimits) -> None:
    """Refuse what would take too long or too much memory, before any of it is taken."""
    width, height = header.size_wh
    if header.seconds > limits.max_seconds or header.memory_bytes > limits.max_memory_bytes:
        needed = pixels_to_admit(header.num_decoded_pixels, header.seconds, header.memory_bytes)
        raise ImageTooCostly(
            f"image of {width}x{height} px would take up to {header.seconds:.1f} s and "
            f"{header.memory_bytes / 1e6:,.0f} MB to decode, limit is {limits.max_seconds:g} s and "
            f"{limits.max_memory_bytes / 1e6:,.0f} MB; {_what_admits(header, needed)}",
            needed_pixels=needed,
        )


def _what_admits(header: Header, needed_pixels: int | None) -> str:
    if needed_pixels is None or needed_pixels > _HONEST_COST * header.num_decoded_pixels:
        return "scale it down or save it again with an image editor"
    return (
        f"scale it down, or allow it: --max-pixels {needed_pixels} on the command line, "
        f"GRAFT_MAX_PIXELS={needed_pixels} in the service"
    )
