"""The header of a WebP, of its three kinds, and how many chunks it has."""

import struct
from typing import Final

from inference.decoding.header import RGB_BYTES, Header, check_exif, too_many

_CHUNK: Final = struct.Struct("<4sI")
_FIRST_CHUNK: Final = 12
# An animation has one a frame.
_MAX_CHUNKS: Final = 20_000
_ANIMATED: Final = 0x02

_S_A_BYTE: Final = 25e-9
_S_A_PIXEL: Final = 22e-9
# The pixels as libwebp wrote them, and then RGB; before that a lossless image's own.
_BYTES_A_PIXEL: Final = 4 + RGB_BYTES


def is_still(data: bytes) -> bool:
    """Return whether a WebP is one image rather than an animation."""
    return data[12:16] != b"VP8X" or (len(data) > 20 and not data[20] & _ANIMATED)


def read_webp_header(data: bytes) -> Header | None:
    """Return the header; None for a file without one.

    Raises:
        UndecodableImage: more chunks than an honest file has.
    """
    _walk(data)
    size_wh = _read_size(data)
    if size_wh is None:
        return None
    num_pixels = size_wh[0] * size_wh[1]
    return Header(
        size_wh=size_wh,
        seconds=len(data) * _S_A_BYTE + num_pixels * _S_A_PIXEL,
        memory_bytes=num_pixels * _BYTES_A_PIXEL,
    )


def _read_size(data: bytes) -> tuple[int, int] | None:
    first = data[12:16]
    if first == b"VP8 " and data[23:26] == b"\x9d\x01\x2a" and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if first == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if first == b"VP8X" and len(data) >= 30:
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
        )
    return None


def _walk(data: bytes) -> None:
    position, chunks = _FIRST_CHUNK, 0
    while position + _CHUNK.size <= len(data):
        kind, length = _CHUNK.unpack_from(data, position)
        chunks += 1
        if chunks > _MAX_CHUNKS:
            raise too_many("chunks", "WebP")
        start = position + _CHUNK.size
        if kind == b"EXIF":
            block = data[start : start + length]
            check_exif(block.removeprefix(b"Exif\0\0"), "WebP")
        position = start + length + length % 2
