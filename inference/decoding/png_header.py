"""The header of a PNG and a walk over its chunks, which Pillow reads one by one in Python."""

import struct
from dataclasses import dataclass
from typing import Final

from inference.decoding.header import (
    RGB_BYTES,
    Header,
    check_exif,
    power_of_two_scale,
    too_many,
)
from inference.decoding.profile_cost import profile_s

_CHUNK: Final = struct.Struct(">I4s")
_IHDR: Final = struct.Struct(">IIBBBBB")
_FIRST_CHUNK: Final = 8
_CHUNK_FRAME_BYTES: Final = 12
# Encoders write image data in pieces of 8 kB and more: 2,000 in 16 MiB. An animation has two chunks a frame.
_MAX_IMAGE_CHUNKS: Final = 20_000
_MAX_OTHER_CHUNKS: Final = 1_000
# Each is inflated to 1 MiB at most; so many bytes of empty blocks take 0.3 s and give none. What is more is
# taken out before the file is opened.
_MAX_COMPRESSED_CHUNKS: Final = 50
_MAX_COMPRESSED_BYTES: Final = 4 * 2**20
_IMAGE_CHUNKS: Final = frozenset({b"IDAT", b"fdAT", b"fcTL"})
_COMPRESSED_CHUNKS: Final = frozenset({b"iCCP", b"zTXt", b"iTXt"})

_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Bytes a pixel in Pillow, by colour type; 16-bit grey has two.
_PIXEL_BYTES: Final = {0: 1, 2: RGB_BYTES, 3: 1, 4: RGB_BYTES, 6: RGB_BYTES}
_S_A_BYTE: Final = 15e-9  # encoded: inflating, where it hardly compresses
_S_A_RAW_BYTE: Final = 2.5e-9  # inflated: unfiltering and unpacking
_S_A_PIXEL: Final = 3e-9
_S_A_PIXEL_CONVERTED: Final = 8e-9  # alpha, 16 bits or a transparent colour


def read_png_header(data: bytes, shorter_px: int | None = None) -> Header | None:
    """Return the header; None for a file without one.

    Raises:
        UndecodableImage: more chunks than an honest file has.
    """
    parts = _walk(data)
    if data[12:16] != b"IHDR" or len(data) < 8 + _CHUNK.size + _IHDR.size:
        return None
    width, height, depth, colour, _, _, interlaced = _IHDR.unpack_from(data, 8 + _CHUNK.size)
    num_pixels = width * height
    raw_bytes = num_pixels * _CHANNELS.get(colour, 4) * depth / 8
    seconds = len(data) * _S_A_BYTE + raw_bytes * _S_A_RAW_BYTE + num_pixels * _S_A_PIXEL
    if colour in (4, 6) or depth == 16 or parts.has_transparency:
        seconds += num_pixels * _S_A_PIXEL_CONVERTED
    if interlaced:
        seconds *= 1.5
    pixel_bytes = 2 if (colour, depth) == (0, 16) else _PIXEL_BYTES.get(colour, RGB_BYTES)
    # Decoded, and then once more as RGB, or turned.
    memory_bytes = num_pixels * (max(pixel_bytes, 4) + RGB_BYTES)
    if parts.profile_bytes:
        scale = power_of_two_scale((width, height), shorter_px)
        seconds += profile_s(parts.profile_bytes, num_pixels / scale**2)
    return Header(
        size_wh=(width, height),
        seconds=seconds,
        memory_bytes=memory_bytes,
        has_long_texts=parts.has_long_texts,
    )


@dataclass(slots=True)
class _Parts:
    """What stands beside the picture: a transparent colour, texts, a profile."""

    has_transparency: bool = False
    profile_bytes: int = 0
    compressed_chunks: int = 0
    compressed_bytes: int = 0

    @property
    def has_long_texts(self) -> bool:
        return (
            self.compressed_chunks > _MAX_COMPRESSED_CHUNKS
            or self.compressed_bytes > _MAX_COMPRESSED_BYTES
        )


def _walk(data: bytes) -> _Parts:
    """Count the chunks; return what there is of those that matter."""
    parts, position, image_chunks, other_chunks = _Parts(), _FIRST_CHUNK, 0, 0
    has_data, frames = False, 0
    while position + _CHUNK.size <= len(data):
        length, kind = _CHUNK.unpack_from(data, position)
        if kind == b"IEND" or (kind == b"fcTL" and frames > 1 and has_data):
            break  # Pillow stops before the second frame too
        body_at = position + _CHUNK.size
        if kind in _IMAGE_CHUNKS:
            image_chunks += 1
            has_data = has_data or kind != b"fcTL"
            if image_chunks > _MAX_IMAGE_CHUNKS:
                raise too_many("chunks of image data", "PNG")
        else:
            other_chunks += 1
            if kind in _COMPRESSED_CHUNKS:
                parts.compressed_chunks += 1
                parts.compressed_bytes += length
            parts.has_transparency |= kind == b"tRNS"
            parts.profile_bytes += length if kind == b"iCCP" else 0
            if other_chunks > _MAX_OTHER_CHUNKS:
                raise too_many("chunks", "PNG")
            if kind == b"eXIf":
                check_exif(data[body_at : body_at + length], "PNG")
            elif kind == b"acTL":  # a second one makes it no animation
                frames = 0 if frames else int.from_bytes(data[body_at : body_at + 4], "big")
        position += _CHUNK_FRAME_BYTES + length
    return parts
