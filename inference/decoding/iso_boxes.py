"""The boxes of an ISO media file (HEIC, AVIF), and of its pictures: which there are, where, made of what."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from inference.decoding.header import too_many

# A photo of 200 million pixels in tiles of 512 px has 800 of them.
_MAX_BOXES: Final = 10_000
_MAX_ITEMS: Final = 5_000
_MAX_PARTS: Final = 10_000
Box = tuple[bytes, int, int]


@dataclass(slots=True)
class Pictures:
    """What the `meta` box says. A picture is an item, by its number.

    Attributes:
        primary: the one that a viewer shows.
        kinds: of each item: b"hvc1", b"av01", b"grid", b"Exif", …
        extents: of each item the pieces of its data, (start, end) in the file.
        made_of: of each item that is put together from others (tiles), these.
        helpers: of each item that belongs to another, which that is: alpha, depth, gain map.
        properties: of each item: the boxes that describe it.
    """

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    made_of: dict[int, list[int]] = field(default_factory=dict)
    helpers: dict[int, int] = field(default_factory=dict)
    properties: dict[int, list[Box]] = field(default_factory=dict)

    def property_of(self, item: int, kind: bytes) -> Box | None:
        """Return the box of that kind that describes an item."""
        return next((box for box in self.properties.get(item, ()) if box[0] == kind), None)


def boxes(
    data: bytes, position: int, end: int, *, of: str = "HEIC or AVIF", most: int = _MAX_BOXES
) -> Iterator[Box]:
    """Yield each box's kind, and where its content begins and ends; `of` is the format for messages.

    Raises:
        UndecodableImage: more than `most` boxes, which no honest file has.
    """
    for _ in range(most):
        if position + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        start = position + 8
        if length == 1 and position + 16 <= end:
            length, start = struct.unpack_from(">Q", data, position + 8)[0], position + 16
        following = position + length if length else end
        if following < start:
            return
        yield kind, start, min(following, end)
        position = following
    raise too_many("boxes", of)


def read_pictures(data: bytes) -> Pictures | None:
    """Return what the file's `meta` box says; None where it has none.

    Raises:
        UndecodableImage: more boxes, items or parts than an honest file has.
        struct.error, IndexError: it is cut short.
    """
    meta = next((box for box in boxes(data, 0, len(data)) if box[0] == b"meta"), None)
    if meta is None:
        return None
    pictures = Pictures()
    inner = {kind: (start, end) for kind, start, end in boxes(data, meta[1] + 4, meta[2])}
    if b"pitm" in inner:
        start = inner[b"pitm"][0]
        pictures.primary = _number(data, start + 4, 2 if data[start] == 0 else 4)
    if b"iinf" in inner:
        _read_kinds(data, *inner[b"iinf"], pictures)
    if b"iloc" in inner:
        _read_places(data, inner[b"iloc"][0], inner.get(b"idat", (0, 0))[0], pictures)
    if b"iref" in inner:
        _read_references(data, *inner[b"iref"], pictures)
    if b"iprp" in inner:
        _read_properties(data, *inner[b"iprp"], pictures)
    return pictures


def _number(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def _read_kinds(data: bytes, start: int, end: int, pictures: Pictures) -> None:
    first = start + (6 if data[start] == 0 else 8)
    for kind, at, _ in boxes(data, first, end):
        if kind == b"infe" and data[at] >= 2:
            id_bytes = 2 if data[at] == 2 else 4
            item = _number(data, at + 4, id_bytes)
            pictures.kinds[item] = data[at + 6 + id_bytes : at + 10 + id_bytes]
    if len(pictures.kinds) > _MAX_ITEMS:
        raise too_many("pictures", "HEIC or AVIF")


def _read_places(data: bytes, start: int, item_data_at: int, pictures: Pictures) -> None:
    version, sizes = data[start], _number(data, start + 4, 2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (
        sizes >> shift & 15 for shift in (12, 8, 4, 0)
    )
    id_bytes = 4 if version == 2 else 2
    count, at, parts = _number(data, start + 6, id_bytes), start + 6 + id_bytes, 0
    if count > _MAX_ITEMS:
        raise too_many("pictures", "HEIC or AVIF")
    for _ in range(count):
        item, at = _number(data, at, id_bytes), at + id_bytes
        method = 0
        if version in (1, 2):
            method, at = data[at + 1] & 15, at + 2
        base, at = _number(data, at + 2, base_bytes), at + 2 + base_bytes
        if method == 1:
            base += item_data_at
        extents, at = _number(data, at, 2), at + 2
        parts += extents
        if parts > _MAX_PARTS:
            raise too_many("parts", "HEIC or AVIF")
        places = []
        for _ in range(extents):
            at += index_bytes if version in (1, 2) else 0
            offset, at = base + _number(data, at, offset_bytes), at + offset_bytes
            length, at = _number(data, at, length_bytes), at + length_bytes
            places.append((offset, offset + length if length else len(data)))
        pictures.extents[item] = places


def _read_references(data: bytes, start: int, end: int, pictures: Pictures) -> None:
    id_bytes = 2 if data[start] == 0 else 4
    parts = 0
    for kind, at, _ in boxes(data, start + 4, end):
        source, count = _number(data, at, id_bytes), _number(data, at + id_bytes, 2)
        parts += count
        if parts > _MAX_PARTS:
            raise too_many("parts", "HEIC or AVIF")
        first = at + id_bytes + 2
        targets = [_number(data, first + n * id_bytes, id_bytes) for n in range(count)]
        if kind == b"dimg":
            pictures.made_of.setdefault(source, []).extend(targets)
        elif kind == b"auxl" and targets:
            pictures.helpers[source] = targets[0]


def _read_properties(data: bytes, start: int, end: int, pictures: Pictures) -> None:
    described: list[Box] = []
    for kind, at, inner_end in boxes(data, start, end):
        if kind == b"ipco":
            described = list(boxes(data, at, inner_end))
        elif kind == b"ipma":
            _associate(data, at, described, pictures)


def _associate(data: bytes, start: int, described: list[Box], pictures: Pictures) -> None:
    id_bytes, index_bytes = (2 if data[start] == 0 else 4), (2 if data[start + 3] & 1 else 1)
    count, at, parts = _number(data, start + 4, 4), start + 8, 0
    for _ in range(min(count, _MAX_ITEMS)):
        if at >= len(data):
            return
        item, at = _number(data, at, id_bytes), at + id_bytes
        associations, at = data[at], at + 1
        parts += associations
        if parts > _MAX_PARTS:
            raise too_many("parts", "HEIC or AVIF")
        for _ in range(associations):
            # The highest bit says that a reader has to know the property.
            index = _number(data, at, index_bytes) & (2 ** (8 * index_bytes - 1) - 1)
            at += index_bytes
            if 1 <= index <= len(described):
                pictures.properties.setdefault(item, []).append(described[index - 1])
