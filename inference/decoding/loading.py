"""From encoded bytes to a decoded image of any mode: which library does it for which format."""

import dataclasses
import io
import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import AvifImagePlugin, Image, ImageFile, JpegImagePlugin, TiffImagePlugin

from inference.decoding import deep_samples, incomplete_jpeg
from inference.decoding.failures import PILLOW_FAILURES, silence_libtiff
from inference.decoding.header import Header
from inference.decoding.heif import decode_heif
from inference.decoding.jpeg2000_header import bits_of_colours
from inference.decoding.jpeg_segments import without_metadata
from inference.decoding.netpbm import decode_netpbm
from inference.decoding.orientation import orientation_of
from inference.decoding.png_chunks import without_texts
from inference.decoding.tiff_layout import read_layout
from inference.decoding.tiff_page import TiffPage, only_first_page, pages
from inference.decoding.tiff_samples import decode_samples
from inference.decoding.timed_reader import TimedReader
from inference.decoding.versions import CURRENT_DECODER
from inference.decoding.webp_frame import decode_first_frame
from inference.errors import ImageTooLarge, UndecodableImage

_PIECE_BYTES: Final = ImageFile.MAXBLOCK
# Others count the seconds of the thread that decodes.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
_AVIF_SEQUENCE: Final = b"ftypavis"
_AVIF_STILL: Final = b"ftypavif"

_WITHOUT_PILLOW: Final = {"HEIF": decode_heif, "PPM": decode_netpbm}
_WHITE_IS_ZERO: Final = 0
_PHOTOMETRIC: Final = 262
# How 16-bit colours are laid out in a file: what reads their high bytes, and what reads their low ones.
_LOW_BYTES: Final = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA", "RGBX", "RGBa")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B" if np.little_endian else "L"))
}
# Grey and alpha have as many bytes a pixel as four channels of 8 bits: the second is grey's low byte.
_GREY_ALPHA: Final = "LA;16B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A decoded image.

    Attributes:
        image: of any mode, as it is stored: not turned, not converted.
        stored_wh: (width, height) before any scaled decoding.
        orientation: EXIF's number.
        scale: as `Header.scale`.
        white_is_zero: grey of more than 8 bits that is still to be turned around.
        notes: what a person should know about the file.
    """

    image: Image.Image
    stored_wh: tuple[int, int]
    orientation: int = 1
    scale: int = 1
    white_is_zero: bool = False
    notes: tuple[str, ...] = ()


def load(
    data: bytes, image_format: str, header: Header, *, max_seconds: float, decoder: int
) -> Loaded:
    """Decode a file.

    Args:
        data: the encoded file.
        image_format: the decoder's name for it.
        header: what was read of it before.
        max_seconds: of this thread on a core.
        decoder: the number of the rules.

    Raises:
        UndecodableImage, OutOfTime, PILLOW_FAILURES: it cannot be decoded.
    """
    ends_at = time.thread_time() + max_seconds
    if image_format == "JPEG":
        return _load_jpeg(data, header, ends_at)
    if image_format in _WITHOUT_PILLOW:
        image = _WITHOUT_PILLOW[image_format](data)
        return Loaded(image=image, stored_wh=image.size)
    if image_format == "PNG":
        return _load_png(data, header, ends_at, decoder)
    if image_format == "TIFF":
        return _load_tiff(data, header, ends_at, decoder)
    if image_format == "AVIF" and data[4:12] == _AVIF_SEQUENCE:
        data = data[:4] + _AVIF_STILL + data[12:]  # the picture that stands for it
    loaded = _loaded(_open(data, image_format, header, ends_at), data, header.scale)
    if image_format == "JPEG2000" and decoder >= 3:
        _check_white(data, loaded.image)
    return loaded


def _check_white(data: bytes, image: Image.Image) -> None:
    """Refuse a JPEG 2000 whose white may be black: Pillow rounds its highest to 256, which is 0.

    Raises:
        UndecodableImage: it is one.
    """
    bits = bits_of_colours(data)
    if bits <= 8 or image.mode.startswith("I"):
        return
    if any(image.histogram()[::256]):
        raise UndecodableImage(
            f"JPEG 2000 image of {len(image.getbands())} channels of {bits} bits is not read where one of "
            "them is at its end (pure white or black); save it again as PNG or TIFF"
        )


def load_orientation(data: bytes, image_format: str, header: Header, *, max_seconds: float) -> int:
    """Return EXIF's number as `load` would, 1 where what it gives is upright.

    Raises:
        UndecodableImage, OutOfTime, PILLOW_FAILURES: it cannot be decoded.
    """
    ends_at = time.thread_time() + max_seconds
    if image_format in _WITHOUT_PILLOW or image_format == "TIFF":
        return 1
    if image_format == "JPEG":
        return orientation_of(_open_jpeg(data, header, ends_at)[0])
    if image_format == "PNG":
        return _load_png(data, header, ends_at, CURRENT_DECODER).orientation
    return orientation_of(_open(data, image_format, header, ends_at))


def _open(data: bytes, image_format: str, header: Header, ends_at: float) -> Image.Image:
    """Open a file; nothing is decoded yet, unless it is an icon."""
    stream = io.BytesIO(data)
    if len(data) > _PIECE_BYTES:  # a smaller one is read at once
        stream = TimedReader(data, ends_at=ends_at)
    try:
        image: Image.Image
        if image_format == "JPEG":  # Pillow's own limit is of pixels before any scaled decoding
            image = JpegImagePlugin.JpegImageFile(stream)
        elif image_format == "AVIF":  # of which Pillow knows but some by their first bytes
            image = AvifImagePlugin.AvifImageFile(stream)
        else:
            image = Image.open(stream, formats=[image_format])
    except (MemoryError, Image.DecompressionBombError) as err:
        raise ImageTooLarge("image has too many pixels; scale it down") from err
    if image.width * image.height > header.num_pixels:
        raise unreadable_header(image_format)
    return image


def unreadable_header(image_format: str) -> UndecodableImage:
    """Return the error for a file whose header is damaged."""
    return UndecodableImage(
        f"file starts like {image_format} but its header cannot be read; replace it with a sound copy"
    )


def _loaded(image: Image.Image, data: bytes = b"", scale: int = 1) -> Loaded:
    stored_wh = image.size
    if scale > 1:  # a JPEG 2000, by its resolutions
        image.reduce = scale.bit_length() - 1  # type: ignore[method-assign,assignment]
    loaded = decode_first_frame(data, image) if image.format == "WEBP" else None
    if loaded is None:
        image.load()
        loaded = image
    elif "icc_profile" in image.info:
        loaded.info["icc_profile"] = image.info["icc_profile"]
    return Loaded(image=loaded, stored_wh=stored_wh, orientation=orientation_of(image), scale=scale)


def _open_jpeg(data: bytes, header: Header, ends_at: float) -> tuple[Image.Image, bytes]:
    """Open a JPEG; one whose metadata Pillow stumbles over without them, so unturned."""
    try:
        return _open(data, "JPEG", header, ends_at), data
    except PILLOW_FAILURES:
        data = without_metadata(data)
    try:
        return _open(data, "JPEG", header, ends_at), data
    except PILLOW_FAILURES as err:
        raise unreadable_header("JPEG") from err


def _load_jpeg(data: bytes, header: Header, ends_at: float) -> Loaded:
    image, data = _open_jpeg(data, header, ends_at)
    stored_wh = image.size
    _draft(image, header.scale)
    notes: tuple[str, ...] = ()
    try:
        image.load()
    except OSError:
        image, notes = _complete(data, header, ends_at)
    return Loaded(
        image=image,
        stored_wh=stored_wh,
        orientation=orientation_of(image),
        scale=header.scale,
        notes=notes,
    )


def _draft(image: Image.Image, scale: int) -> None:
    if scale > 1:
        image.draft(None, (image.width // scale, image.height // scale))


def _complete(data: bytes, header: Header, ends_at: float) -> tuple[Image.Image, tuple[str, ...]]:
    """Decode a JPEG that ends too early."""
    ended, continued = (
        _open(ending(data), "JPEG", header, ends_at)
        for ending in (incomplete_jpeg.with_end, incomplete_jpeg.with_anything)
    )
    for image in (ended, continued):
        _draft(image, header.scale)
        image.load()
    missing = incomplete_jpeg.missing_share(data, ended, continued)
    if missing > incomplete_jpeg.MAX_MISSING_SHARE:
        raise UndecodableImage(
            f"JPEG image is truncated: {missing:.0%} of its rows are missing, up to "
            f"{incomplete_jpeg.MAX_MISSING_SHARE:.0%} are filled in; replace it with a sound copy"
        )
    rows = f"{missing:.1%} of its rows are missing" if missing else "its end is missing"
    return ended, (f"incomplete: {rows}",)


def _load_png(data: bytes, header: Header, ends_at: float, decoder: int) -> Loaded:
    """Decode a PNG, its transparent grey on the scale that its other greys were brought to."""
    loaded = _load_any_png(data, header, ends_at, decoder)
    depth, colour_type = data[24:26]
    transparent = loaded.image.info.get("transparency")
    if decoder >= 3 and colour_type == 0 and depth < 8 and isinstance(transparent, int):
        loaded.image.info["transparency"] = transparent * 255 // (2**depth - 1)
    return loaded


def _load_any_png(data: bytes, header: Header, ends_at: float, decoder: int) -> Loaded:
    """Decode a PNG; one whose texts or profile Pillow finds too long without them."""
    if header.has_long_texts:
        return _load_deep(without_texts(data), "PNG", header, ends_at, decoder)
    try:
        return _load_deep(data, "PNG", header, ends_at, decoder)
    except PILLOW_FAILURES:
        lean = without_texts(data)
        if len(lean) == len(data):
            raise
        return _load_deep(lean, "PNG", header, ends_at, decoder)


def _load_tiff(data: bytes, header: Header, ends_at: float, decoder: int) -> Loaded:
    silence_libtiff()
    all_pages = list(pages(data))
    loaded = _load_page(only_first_page(data), all_pages[0], header, ends_at, decoder)
    white_is_zero = all_pages[0].value(data, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO
    notes = (f"{len(all_pages)} pages, of which this is the first",) if len(all_pages) > 1 else ()
    # Pillow has turned it.
    return dataclasses.replace(
        loaded, orientation=1, stored_wh=loaded.image.size, white_is_zero=white_is_zero, notes=notes
    )


def _load_page(data: bytes, page: TiffPage, header: Header, ends_at: float, decoder: int) -> Loaded:
    """Decode the only page, by Pillow where that reads it rightly."""
    layout = read_layout(page, data)
    is_for_pillow = layout.is_known_to_pillow if decoder < 3 else layout.is_sound_to_pillow
    if layout.is_read_here and not is_for_pillow:

        def open_tiff(file: bytes) -> Image.Image:
            # Pillow's own limit is of pixels, which are bytes here.
            return TiffImagePlugin.TiffImageFile(TimedReader(file, ends_at=ends_at))

        image = decode_samples(data, page, layout, open_tiff)
        return Loaded(image=image, stored_wh=image.size)
    unread = UndecodableImage(
        f"TIFF image of {layout.words} is not read; save it again with 8 or 16 bits a sample, "
        "uncompressed or with LZW"
    )
    if decoder >= 3 and layout.is_misread_by_pillow:
        raise unread
    try:
        return _load_deep(data, "TIFF", header, ends_at, decoder)
    except PILLOW_FAILURES as err:
        if layout.is_known_to_pillow:
            raise
        raise unread from err


def _load_deep(
    data: bytes, image_format: str, header: Header, ends_at: float, decoder: int
) -> Loaded:
    """Decode; colours of 16 bits of which few are used are read again for their low bytes."""
    image = _open(data, image_format, header, ends_at)
    layout = _layout(image)
    loaded = _loaded(image)
    if decoder < 2 or not (layout in _LOW_BYTES or layout == _GREY_ALPHA):
        return loaded
    bits = deep_samples.bits_of_high_bytes(loaded.image)
    if bits < 16:
        low = _open(data, image_format, header, ends_at)
        _set_layout(low, _LOW_BYTES.get(layout, "RGBA"))
        low.load()
        if layout == _GREY_ALPHA:
            low = Image.merge("RGB", [low.getchannel("G")] * 3)
        deep_samples.join_bytes(loaded.image, low, bits)
    return loaded


def _layout(image: Image.Image) -> str:
    """Return how samples are laid out in the file, in Pillow's words; "" where pieces of it differ."""
    layouts = {_first(tile.args) for tile in getattr(image, "tile", ())}
    return layouts.pop() if len(layouts) == 1 else ""


def _first(args: object) -> str:
    return str(args[0] if isinstance(args, tuple) and args else args)


def _set_layout(image: Image.Image, layout: str) -> None:
    assert isinstance(image, ImageFile.ImageFile)
    image.tile = [
        tile._replace(args=(layout, *tile.args[1:]) if isinstance(tile.args, tuple) else layout)
        for tile in image.tile
    ]
