"""WebP: the chunks that are pixels or their colours, and a header that names no others."""

from collections.abc import Iterator
from typing import Final

from service.collect.stripping.parts import UPRIGHT, CannotStrip, orientation_exif

_FIRST_CHUNK: Final = 12
_HEAD_BYTES: Final = 8
_FRAME_HEADER_BYTES: Final = 16
_EXTENDED: Final = b"VP8X"
_EXIF_FLAG: Final = 0x08
_XMP_FLAG: Final = 0x04
_KEPT: Final = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ICCP"})
_MAY_TURN: Final = frozenset({b"EXIF", b"XMP "})


def may_be_turned(data: bytes) -> bool:
    """Return whether there is metadata that could turn the image."""
    return any(kind in _MAY_TURN for kind, _ in _chunks(data, _FIRST_CHUNK))


def strip(data: bytes, orientation: int) -> bytes:
    """Return the file without metadata.

    Raises:
        CannotStrip: it is cut short, or is turned and has no header that could say so.
    """
    parts, is_extended = [], False
    for kind, body in _chunks(data, _FIRST_CHUNK):
        if kind == _EXTENDED and body:
            is_extended = True
            flags = body[0] & ~(_EXIF_FLAG | _XMP_FLAG)
            flags |= _EXIF_FLAG if orientation != UPRIGHT else 0
            parts.append(_chunk(kind, bytes([flags]) + body[1:]))
        elif kind == b"ANMF":
            parts.append(_chunk(kind, _stripped_frame(body)))
        elif kind in _KEPT:
            parts.append(_chunk(kind, body))
    if orientation != UPRIGHT:
        if not is_extended:
            raise CannotStrip("WebP: turned without an extended header")
        parts.append(_chunk(b"EXIF", orientation_exif(orientation)))
    content = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(content).to_bytes(4, "little") + content


def _stripped_frame(body: bytes) -> bytes:
    inner = _chunks(body, _FRAME_HEADER_BYTES)
    return body[:_FRAME_HEADER_BYTES] + b"".join(_chunk(k, b) for k, b in inner if k in _KEPT)


def _chunks(data: bytes, first: int) -> Iterator[tuple[bytes, bytes]]:
    # What lies behind the length that the file says of itself is no part of it.
    end = len(data)
    if data[:4] == b"RIFF":
        end = min(end, _HEAD_BYTES + int.from_bytes(data[4:8], "little"))
    position = first
    while position + _HEAD_BYTES <= end:
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        body_at = position + _HEAD_BYTES
        if body_at + length > end:
            raise CannotStrip(f"WebP: chunk {data[position : position + 4]!r} of {length} bytes")
        yield data[position : position + 4], data[body_at : body_at + length]
        position = body_at + length + length % 2


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
