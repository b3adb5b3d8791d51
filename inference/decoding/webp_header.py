"""The header of a WebP, of its three kinds, and how many chunks it has."""

import struct
from typing import Final

from inference.decoding.header import RGB_BYTES, Header, check_exif, power_of_two_scale, too_many
from inference.decoding.profile_cost import profile_s

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


def read_webp_header(data: bytes, shorter_px: int | None = None) -> Header | None:
    """Return the header; None for a file without one.

    Raises:
        UndecodableImage: more chunks than an honest file has.
    """
    profile_bytes = _walk(data)
    size_wh = _read_size(data)
    if size_wh is None:
        return None
    num_pixels = size_wh[0] * size_wh[1]
    seconds = len(data) * _S_A_BYTE + num_pixels * _S_A_PIXEL
    if profile_bytes:
        scale = power_of_two_scale(size_wh, shorter_px)
        seconds += profile_s(profile_bytes, num_pixels / scale**2)
    return Header(
        size_wh=size_wh,
        seconds=seconds,
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


def _walk(data: bytes) -> int:
    """Count the chunks; return the bytes of the colour profile."""
    position, chunks, profile_bytes = _FIRST_CHUNK, 0, 0
    while position + _CHUNK.size <= len(data):
        kind, length = _CHUNK.unpack_from(data, position)
        chunks += 1
        if chunks > _MAX_CHUNKS:
            raise too_many("chunks", "WebP")
        start = position + _CHUNK.size
        if kind == b"EXIF":
            block = data[start : start + length]
            check_exif(block.removeprefix(b"Exif\0\0"), "WebP")
        elif kind == b"ICCP":
            profile_bytes += length
        position = start + length + length % 2
    return profile_bytes
