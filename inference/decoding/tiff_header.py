"""The header of a TIFF: the tags of its first page, of which all that will be read is counted."""

from typing import Final

from inference.decoding.header import RGB_BYTES, Header, power_of_two_scale, too_many
from inference.decoding.profile_cost import profile_s
from inference.decoding.tiff_layout import (
    BITS,
    COMPRESSION,
    COMPRESSION_NAMES,
    HEIGHT,
    PROFILE,
    SAMPLES,
    STRIPS,
    TILE_HEIGHT,
    TILE_WIDTH,
    TILES,
    WIDTH,
    read_layout,
)
from inference.decoding.tiff_page import MAX_TAGS, TiffPage, pages
from inference.errors import UndecodableImage

# An uncompressed strip or tile is handed to a decoder of its own, in Python.
_MAX_STRIPS: Final = 100_000
_MAX_STRIP_LIST: Final = 1_000_000

_DIRECTORIES: Final = (34665, 34853, 40965)  # EXIF, GPS and interoperability
# Seconds for a sample by compression: raw, fax (three), LZW, JPEG, deflate, PackBits, deflate, Zstandard.
_RAW: Final = 1
_JPEG: Final = 7
_S_A_SAMPLE: Final = {
    1: 1e-9,
    2: 30e-9,
    3: 30e-9,
    4: 30e-9,
    5: 6e-9,
    7: 6e-9,
    8: 5e-9,
    32773: 2e-9,
    32946: 5e-9,
    34925: 40e-9,
    50000: 4e-9,
}
_S_A_BYTE: Final = 15e-9
_S_A_PIXEL: Final = 8e-9
_S_A_STRIP: Final = 15e-6
_S_A_SCAN_BLOCK: Final = 7e-9
# Where `tiff_samples.py` reads.
_S_A_SAMPLE_HERE: Final = 20e-9
_S_A_BYTE_HERE: Final = 2e-9


def read_tiff_header(data: bytes, shorter_px: int | None = None) -> Header | None:
    """Return the header of the first page; None for a file without one.

    Raises:
        UndecodableImage: more tags, strips or tiles than an honest file has, or a compression that is
            not read.
    """
    page = next(pages(data), None)
    if page is None or WIDTH not in page.tags or HEIGHT not in page.tags:
        return None
    for tag in _DIRECTORIES:
        if tag in page.tags:
            at = page.value(data, tag, 0)
            if page.number(data, at, 8 if page.is_big else 2) > MAX_TAGS:
                raise too_many("tags", "TIFF")
    width, height = page.value(data, WIDTH, 0), page.value(data, HEIGHT, 0)
    compression = page.value(data, COMPRESSION, _RAW)
    if compression not in _S_A_SAMPLE:
        name = COMPRESSION_NAMES.get(compression, "a method without a name here")
        raise UndecodableImage(
            f"TIFF image is compressed by {name} (number {compression}), which is not read; save it again "
            "uncompressed or with LZW"
        )
    samples, bits = page.value(data, SAMPLES, 1), page.value(data, BITS, 1)
    pieces = max(page.count(STRIPS), page.count(TILES))
    if pieces > (_MAX_STRIPS if compression == _RAW else _MAX_STRIP_LIST):
        raise too_many("strips or tiles", "TIFF")
    num_pixels = width * height
    worked_through = max(num_pixels, _tile_pixels(page, data, width, height)) * max(1, samples)
    seconds = (
        len(data) * _S_A_BYTE
        + worked_through * _S_A_SAMPLE[compression] * max(1, bits // 8)
        + num_pixels * _S_A_PIXEL
        + pieces * (_S_A_STRIP if compression == _RAW else _S_A_STRIP / 30)
    )
    if compression == _JPEG:
        scans = min(data.count(b"\xff\xda"), 100 * max(1, pieces))
        seconds += scans / max(1, pieces) * (worked_through / 64) * _S_A_SCAN_BLOCK
    if bits == 16 and samples > 1:
        seconds *= 2
    memory_bytes = num_pixels * 2 * RGB_BYTES + worked_through * max(1, bits // 8) // 4
    layout = read_layout(page, data)
    if layout.is_read_here and not layout.is_sound_to_pillow:
        copies = 3 if layout.predictor > 1 else 2
        seconds += worked_through * (_S_A_SAMPLE_HERE + copies * _S_A_BYTE_HERE * bits / 8)
        memory_bytes = len(data) + num_pixels * RGB_BYTES
        memory_bytes += worked_through * copies * max(1, bits // 8)
    if page.count(PROFILE):
        scale = power_of_two_scale((width, height), shorter_px)
        seconds += profile_s(page.count(PROFILE), num_pixels / scale**2)
    return Header(
        size_wh=(width, height),
        seconds=seconds,
        memory_bytes=memory_bytes,
    )


def _tile_pixels(page: TiffPage, data: bytes, width: int, height: int) -> int:
    """Return how many pixels all tiles have together, what is beyond the image's edge included."""
    if not page.count(TILES):
        return 0
    tile_w, tile_h = (page.value(data, tag, 0) for tag in (TILE_WIDTH, TILE_HEIGHT))
    if not (tile_w and tile_h):
        return 0
    return -(-width // tile_w) * tile_w * (-(-height // tile_h) * tile_h)
