"""The pages of a TIFF and their tags."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from inference.decoding.header import too_many

MAX_TAGS: Final = 1_000
_MAX_PAGES: Final = 1_000
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
# Bytes, short, long and very long numbers.
_CODES: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}


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

    def values(self, data: bytes, tag: int, limit: int = 10**6) -> tuple[int, ...]:
        """Return a tag's values, of whole numbers; at most `limit`."""
        kind, count, _ = self.tags.get(tag, (0, 0, 0))
        code = _CODES.get(kind)
        if code is None:
            return ()
        body = self.body(data, tag)
        count = min(count, limit, len(body) // struct.calcsize("=" + code))
        return struct.unpack_from(f"{'><'[not self.is_big_endian]}{count}{code}", body)

    def body(self, data: bytes, tag: int) -> memoryview:
        """Return a tag's values as they are stored; empty where there is no such tag."""
        kind, count, at = self.tags.get(tag, (0, 0, 0))
        size = (_TYPE_BYTES_BIG if self.is_big else _TYPE_BYTES).get(kind, 0) * count
        if size > (8 if self.is_big else 4):
            at = self.number(data, at, 8 if self.is_big else 4)
        return memoryview(data)[at : at + size]

    def count(self, tag: int) -> int:
        """Return how many values a tag has; 0 where there is no such tag."""
        return self.tags[tag][1] if tag in self.tags else 0

    def number(self, data: bytes, at: int, length: int) -> int:
        """Return a number in the file's byte order."""
        return int.from_bytes(data[at : at + length], "big" if self.is_big_endian else "little")


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
    if count > MAX_TAGS:
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
