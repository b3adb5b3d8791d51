"""The header of a TIFF: the tags of its first page, of which all that will be read is counted."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from inference.decoding.header import RGB_BYTES, Header, power_of_two_scale, too_many
from inference.decoding.profile_cost import profile_s
from inference.errors import UndecodableImage

_MAX_TAGS: Final = 1_000
_MAX_PAGES: Final = 1_000
# An uncompressed strip or tile is handed to a decoder of its own, in Python.
_MAX_STRIPS: Final = 100_000
_MAX_STRIP_LIST: Final = 1_000_000

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _SAMPLES, _ROWS_A_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_PROFILE: Final = 34675
_DIRECTORIES: Final = (34665, 34853, 40965)  # EXIF, GPS and interoperability
_TYPE_BYTES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
}
_TYPE_BYTES_BIG: Final = {**_TYPE_BYTES, 16: 8, 17: 8, 18: 8}

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
    50000: 4e-9,
}
_S_A_BYTE: Final = 15e-9
_S_A_PIXEL: Final = 8e-9
_S_A_STRIP: Final = 15e-6
_S_A_SCAN_BLOCK: Final = 7e-9


@dataclass(slots=True)
class TiffPage:
    """A page's tags: of each its number of values, and the first of them, or where they are."""

    is_big_endian: bool
    is_big: bool
    next_at: int = 0
    next_field_at: int = 0
    tags: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def value(self, data: bytes, tag: int, default: int) -> int:
        """Return a tag's first value."""
        if tag not in self.tags:
            return default
        kind, count, at = self.tags[tag]
        size = (_TYPE_BYTES_BIG if self.is_big else _TYPE_BYTES).get(kind, 0)
        if size * count > (8 if self.is_big else 4):
            at = self.number(data, at, 8 if self.is_big else 4)
        return self.number(data, at, size)

    def count(self, tag: int) -> int:
        """Return how many values a tag has; 0 where there is no such tag."""
        return self.tags[tag][1] if tag in self.tags else 0

    def number(self, data: bytes, at: int, length: int) -> int:
        """Return a number in the file's byte order."""
        return int.from_bytes(data[at : at + length], "big" if self.is_big_endian else "little")


def read_tiff_header(data: bytes, shorter_px: int | None = None) -> Header | None:
    """Return the header of the first page; None for a file without one.

    Raises:
        UndecodableImage: more tags, strips or tiles than an honest file has, or a compression that is
            not read.
    """
    page = next(pages(data), None)
    if page is None or _WIDTH not in page.tags or _HEIGHT not in page.tags:
        return None
    for tag in _DIRECTORIES:
        if tag in page.tags:
            at = page.value(data, tag, 0)
            if page.number(data, at, 8 if page.is_big else 2) > _MAX_TAGS:
                raise too_many("tags", "TIFF")
    width, height = page.value(data, _WIDTH, 0), page.value(data, _HEIGHT, 0)
    compression = page.value(data, _COMPRESSION, _RAW)
    if compression not in _S_A_SAMPLE:
        raise UndecodableImage(
            f"TIFF image is compressed in a way that is not read here (number {compression}); save it again "
            "with an image editor"
        )
    samples, bits = page.value(data, _SAMPLES, 1), page.value(data, _BITS, 1)
    pieces = max(page.count(_STRIPS), page.count(_TILES))
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
    if page.count(_PROFILE):
        scale = power_of_two_scale((width, height), shorter_px)
        seconds += profile_s(page.count(_PROFILE), num_pixels / scale**2)
    return Header(
        size_wh=(width, height),
        seconds=seconds,
        memory_bytes=num_pixels * 2 * RGB_BYTES + worked_through * max(1, bits // 8) // 4,
    )


def pages(data: bytes) -> Iterator[TiffPage]:
    """Yield the pages, each with the tags that it has; at most 1,000.

    Raises:
        UndecodableImage: one has more tags than an honest file.
    """
    is_big_endian, is_big = data.startswith(b"MM"), 43 in data[2:4]
    start_page = TiffPage(is_big_endian, is_big)
    at, seen = start_page.number(data, 8 if is_big else 4, 8 if is_big else 4), set[int]()
    while 0 < at < len(data) and at not in seen and len(seen) < _MAX_PAGES:
        seen.add(at)
        page = _read_page(data, at, is_big_endian, is_big)
        yield page
        at = page.next_at


def only_first_page(data: bytes) -> bytes:
    """Return a TIFF that ends after its first page."""
    page = next(pages(data), None)
    if page is None or not page.next_at:
        return data
    length = 8 if page.is_big else 4
    return data[: page.next_field_at] + bytes(length) + data[page.next_field_at + length :]


def _read_page(data: bytes, at: int, is_big_endian: bool, is_big: bool) -> TiffPage:
    page = TiffPage(is_big_endian, is_big)
    count_bytes, entry_bytes, field_bytes = (8, 20, 8) if is_big else (2, 12, 4)
    count = page.number(data, at, count_bytes)
    if count > _MAX_TAGS:
        raise too_many("tags", "TIFF")
    first = at + count_bytes
    kinds = struct.Struct((">" if is_big_endian else "<") + ("HHQ" if is_big else "HHI"))
    for start in range(
        first, min(first + count * entry_bytes, len(data) - entry_bytes), entry_bytes
    ):
        tag, kind, values = kinds.unpack_from(data, start)
        page.tags.setdefault(tag, (kind, values, start + kinds.size))
    page.next_field_at = first + count * entry_bytes
    page.next_at = page.number(data, page.next_field_at, field_bytes)
    return page


def _tile_pixels(page: TiffPage, data: bytes, width: int, height: int) -> int:
    """Return how many pixels all tiles have together, what is beyond the image's edge included."""
    if not page.count(_TILES):
        return 0
    tile_w, tile_h = (page.value(data, tag, 0) for tag in (_TILE_WIDTH, _TILE_HEIGHT))
    if not (tile_w and tile_h):
        return 0
    return -(-width // tile_w) * tile_w * (-(-height // tile_h) * tile_h)
