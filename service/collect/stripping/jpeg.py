"""JPEG: the segments up to the end of the first picture, without comments and applications' notes."""

import re
from collections.abc import Iterator
from typing import Final

from service.collect.stripping.parts import UPRIGHT, CannotStrip, orientation_exif

_START: Final = b"\xff\xd8"
_END: Final = 0xD9
_SCAN: Final = 0xDA
_JFIF: Final = 0xE0
_EXIF: Final = 0xE1
_PROFILE: Final = 0xE2
_ADOBE: Final = 0xEE
# Up to the size of the thumbnail, and Adobe's whole note.
_JFIF_BYTES: Final = 16
_ADOBE_BYTES: Final = 16
_NOTES: Final = frozenset({*range(0xE0, 0xF0), 0xFE})
_TABLES: Final = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xE0)}) - {0xC8}
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_MARKER_IN_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def may_be_turned(data: bytes) -> bool:
    """Return whether there is metadata that could turn the image."""
    return any(marker == _EXIF for marker, _ in _segments(data))


def strip(data: bytes, orientation: int) -> bytes:
    """Return the file without metadata.

    Raises:
        CannotStrip: it is not made of segments, as where bytes lie between them.
    """
    head, rest = [_START], []
    for marker, part in _segments(data):
        if marker == _JFIF and part[4:9] == b"JFIF\0" and len(part) >= _JFIF_BYTES:
            head.append(b"\xff\xe0\0\x10" + part[4:16] + b"\0\0")  # without its thumbnail
        elif marker == _PROFILE and part[4:16] == b"ICC_PROFILE\0":
            rest.append(part)
        elif marker == _ADOBE and part[4:9] == b"Adobe" and len(part) >= _ADOBE_BYTES:
            rest.append(b"\xff\xee\0\x0e" + part[4:_ADOBE_BYTES])
        elif marker not in _NOTES:
            rest.append(part)
    if orientation != UPRIGHT:
        body = b"Exif\0\0" + orientation_exif(orientation)
        head.append(b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body)
    return b"".join([*head, *rest])


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each segment with its marker; that of a scan has the scan's data with it."""
    position = len(_START)
    while True:
        marker = data[position + 1] if position + 1 < len(data) else None
        if marker is None or data[position] != 0xFF:
            raise CannotStrip("JPEG: no segment where one should begin")
        if marker == 0xFF:  # filling
            position += 1
            continue
        if marker in _ALONE:
            position += 2
            continue
        if marker == _END:
            yield marker, b"\xff\xd9"
            return
        end = _end_of_segment(data, position, marker)
        if marker == _SCAN:
            found = _MARKER_IN_SCAN.search(data, end)
            end = found.start() if found is not None else len(data)
        yield marker, data[position:end]
        if end == len(data):  # there is no end marker, which decoders forgive
            return
        position = end


def _end_of_segment(data: bytes, position: int, marker: int) -> int:
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    end = position + 2 + length
    if marker not in _NOTES | _TABLES or length < 2 or end > len(data):
        raise CannotStrip(f"JPEG: segment {marker:#x} of {length} bytes")
    return end
