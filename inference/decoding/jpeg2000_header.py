"""The header of a JPEG 2000: its boxes up to the code stream, and the two segments that say what is in it."""

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from inference.decoding.header import RGB_BYTES, Header, power_of_two_scale, too_many
from inference.decoding.iso_boxes import boxes
from inference.errors import UndecodableImage

_BOXES: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
_STREAM_START: Final = b"\xff\x4f"
_STREAM_END: Final = b"\xff\xd9"
_SIZE, _CODING, _PROGRESSION, _TILE = 0x51, 0x52, 0x5F, 0x90
_WITHOUT_LENGTH: Final = frozenset({0x4F, 0xD9, 0x93, *range(0x30, 0x40)})
# OpenJPEG keeps some 6 kB for each tile, used or not.
_MAX_TILES: Final = 2_000
_MAX_BOXES: Final = 500
_COMPONENTS_AT: Final = 42  # behind the two markers
_MAX_SEGMENTS: Final = 500
_MAX_COMPONENTS: Final = 4
_MAX_LAYERS: Final = 200
# A packet is a layer of a precinct of a resolution of a component; each costs, empty or not.
_MAX_PACKETS: Final = 2_000_000

_S_A_BYTE: Final = 140e-9
_S_A_SAMPLE: Final = 18e-9
_S_A_PACKET: Final = 0.5e-6
_SAMPLE_BYTES: Final = 12  # OpenJPEG's numbers, their wavelets and its copy


_boxes: Final = partial(boxes, of="JPEG 2000", most=_MAX_BOXES)


@dataclass(slots=True)
class _Stream:
    size_wh: tuple[int, int] = (0, 0)
    tile_wh: tuple[int, int] = (1, 1)
    tiles: int = 0
    components: int = 0
    layers: int = 1
    resolutions: int = 1
    precincts: int = 1
    code_block_pixels: int = 4096


def bits_of_colours(data: bytes) -> int:
    """Return how many bits the deepest component has; 8 where that cannot be found."""
    start = data.find(_STREAM_START + bytes((0xFF, _SIZE)))
    if start < 0:
        return 8
    components = data[start + _COMPONENTS_AT : start + _COMPONENTS_AT + 3 * _MAX_COMPONENTS]
    count = int.from_bytes(data[start + _COMPONENTS_AT - 2 : start + _COMPONENTS_AT], "big")
    return max(((bits & 127) + 1 for bits in components[: 3 * count : 3]), default=8)


def read_jpeg2000_header(data: bytes, shorter_px: int | None = None) -> Header | None:
    """Return the header; None for a file without one.

    Raises:
        UndecodableImage: more boxes, tiles, components or layers than an honest file has.
    """
    stream = _read_stream(data)
    if stream is None or not stream.components:
        return None
    packets = (
        stream.tiles * stream.components * stream.resolutions * stream.layers * stream.precincts
    )
    if packets > _MAX_PACKETS:
        raise too_many("packets", "JPEG 2000")
    scale = _scale(stream, shorter_px)
    num_samples = stream.size_wh[0] * stream.size_wh[1] * stream.components
    seconds = len(data) * _S_A_BYTE / (1 if scale == 1 else 2)
    seconds += num_samples / scale**2 * _S_A_SAMPLE * max(1, 1024 / stream.code_block_pixels)
    return Header(
        size_wh=stream.size_wh,
        scale=scale,
        seconds=seconds + packets * _S_A_PACKET,
        memory_bytes=int(
            num_samples / scale**2 * _SAMPLE_BYTES
            + 2 * RGB_BYTES * (stream.size_wh[0] // scale) * (stream.size_wh[1] // scale)
            + stream.tiles * 8_000 * stream.components
            + packets * 100
        ),
    )


def _scale(stream: _Stream, shorter_px: int | None) -> int:
    """Return the scale to decode at: every tile has a resolution for each of its steps."""
    scale = power_of_two_scale(stream.size_wh, shorter_px)
    return min(scale, 2 ** (stream.resolutions - 1)) if stream.tiles == 1 else 1


def _read_stream(data: bytes) -> _Stream | None:
    position, end = _stream_at(data)
    if data[position : position + 2] != _STREAM_START:
        return None
    if data[end - 2 : end] != _STREAM_END:  # of which OpenJPEG would make a coarse picture, or none
        raise UndecodableImage("JPEG 2000 image is truncated; replace it with a sound copy")
    stream = _Stream()
    for marker, body in _segments(data, position + 2):
        if marker == _SIZE:
            if not _take_size(stream, body):
                return None
        elif marker == _CODING and len(body) >= 10:
            _take_coding(stream, body)
        elif marker == _PROGRESSION:
            raise too_many("changes of order", "JPEG 2000")
        elif marker == _TILE:
            break
    return stream


def _stream_at(data: bytes) -> tuple[int, int]:
    """Return where the code stream begins and ends, by the steps that Pillow takes."""
    if not data.startswith(_BOXES):
        return 0, len(data.rstrip(b"\0"))
    for kind, start, end in _boxes(data, len(_BOXES), len(data)):
        if kind == b"jp2c":
            return start, end
        if kind == b"jp2h":  # read box by box, in Python, and so is what is in one of them
            for inner, inner_start, inner_end in _boxes(data, start, end):
                if inner == b"res ":
                    deque(_boxes(data, inner_start, inner_end), maxlen=0)
    return len(data), len(data)


def _segments(data: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    for _ in range(_MAX_SEGMENTS):
        if position + 4 > len(data) or data[position] != 0xFF:
            return
        marker = data[position + 1]
        if marker in _WITHOUT_LENGTH:
            position += 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        yield marker, data[position + 4 : position + 2 + length]
        if marker == _TILE:
            return
        position += 2 + max(2, length)
    raise too_many("segments", "JPEG 2000")


def _take_size(stream: _Stream, body: bytes) -> bool:
    if len(body) < 36:
        return False
    right, bottom, left, top, tile_w, tile_h, tile_x, tile_y, components = struct.unpack_from(
        ">IIIIIIIIH", body, 2
    )
    if not (tile_w and tile_h) or right <= left or bottom <= top or tile_x > left or tile_y > top:
        return False
    stream.size_wh, stream.tile_wh = (right - left, bottom - top), (tile_w, tile_h)
    stream.components = components
    stream.tiles = -(-(right - tile_x) // tile_w) * -(-(bottom - tile_y) // tile_h)
    if stream.tiles > _MAX_TILES:
        raise too_many("tiles", "JPEG 2000")
    if components > _MAX_COMPONENTS:
        raise too_many("components", "JPEG 2000")
    return True


def _take_coding(stream: _Stream, body: bytes) -> None:
    stream.layers = int.from_bytes(body[2:4], "big")
    if stream.layers > _MAX_LAYERS:
        raise too_many("layers", "JPEG 2000")
    stream.resolutions = min(body[5], 32) + 1
    stream.code_block_pixels = 2 ** ((body[6] & 15) + (body[7] & 15) + 4)
    if body[0] & 1:  # precincts of its own: their sides' exponents, for each resolution
        smallest = min(
            (min(b & 15, b >> 4) for b in body[10 : 10 + stream.resolutions]), default=15
        )
        side = 2**smallest
        width, height = (min(a, b) for a, b in zip(stream.size_wh, stream.tile_wh, strict=True))
        stream.precincts = -(-width // side) * -(-height // side)
