"""PNG: the chunks that are pixels, or say how they are shown; texts, times and EXIF are left out."""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from service.collect.stripping.parts import UPRIGHT, CannotStrip, orientation_exif

_SIGNATURE_BYTES: Final = 8
_HEAD: Final = struct.Struct(">I4s")
_FRAME_BYTES: Final = 12  # length, kind and checksum
_KEPT: Final = frozenset(
    {
        *(b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"sBIT", b"bKGD", b"pHYs"),
        *(b"acTL", b"fcTL", b"fdAT"),
    }
)
_MAY_TURN: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt"})


def may_be_turned(data: bytes) -> bool:
    """Return whether there is metadata that could turn the image."""
    return any(kind in _MAY_TURN for kind, _ in _chunks(data))


def strip(data: bytes, orientation: int) -> bytes:
    """Return the file without metadata.

    Raises:
        CannotStrip: it is cut short, or not made of chunks.
    """
    parts = [data[:_SIGNATURE_BYTES]]
    for kind, part in _chunks(data):
        if kind == b"IDAT" and orientation != UPRIGHT:
            parts.append(_chunk(b"eXIf", orientation_exif(orientation)))
            orientation = UPRIGHT  # once
        if kind in _KEPT or _is_critical(kind):
            parts.append(part)
    return b"".join(parts)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position, kind = _SIGNATURE_BYTES, b""
    while kind != b"IEND":
        if position + _FRAME_BYTES > len(data):
            raise CannotStrip("PNG: it ends before its last chunk")
        length, kind = _HEAD.unpack_from(data, position)
        end = position + _FRAME_BYTES + length
        if end > len(data):
            raise CannotStrip(f"PNG: chunk {kind!r} of {length} bytes")
        yield kind, data[position:end]
        position = end


def _is_critical(kind: bytes) -> bool:
    return kind[:1].isupper()


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body).to_bytes(4, "big")
    return _HEAD.pack(len(body), kind) + body + checksum
