"""Image files put together from parts, each many times, and sound ones with a few bytes changed."""

import struct
import zlib
from typing import Final

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from tests.builders import encode
from tests.fuzz import containers
from tests.hostile_images import (
    bmp,
    extended_webp,
    jpeg_frame,
    jpeg_scan,
    jpeg_segment,
    lossless_webp,
    png_chunk,
    riff,
    riff_chunk,
    webp_frame,
)
from tests.hostile_iso_media import FILES
from tests.inference.samples import noise

_MAX_BYTES: Final = 4 * 2**20
_SIDES: Final = st.one_of(st.integers(0, 70), st.sampled_from([1999, 2000, 16_383, 65_500, 65_535]))
_SIZES: Final = st.one_of(st.tuples(_SIDES, _SIDES), st.just((1999, 2000)))
_BODIES: Final = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"\0" * 60_000, b"\xff" * 60_000, b"Exif\0\0", b"8BIM" * 15_000, b"ICC_PROFILE\0"]
    ),
    st.integers(0, 2**20 - 9).map(lambda size: b"a\0\0" + zlib.compress(bytes(size), 9)),
    st.integers(0, 5000).map(
        lambda tags: (
            b"Exif\0\0II*\0\x08\0\0\0"
            + struct.pack("<H", tags)
            + struct.pack("<HHII", 274, 3, 1, 6) * tags
        )
    ),
)
_TIMES: Final = st.one_of(st.integers(1, 5), st.integers(1, 400), st.integers(1, 400_000))


def _repeat(part: bytes, times: int) -> bytes:
    return part * min(times, max(1, _MAX_BYTES // max(1, len(part))))


def _joined(part: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return up to four parts, each repeated."""
    repeated = st.builds(_repeat, part, _TIMES)
    return st.lists(repeated, max_size=4).map(b"".join)


_SEGMENTS: Final = _joined(
    st.one_of(
        st.builds(jpeg_segment, st.integers(0xC0, 0xFE), _BODIES.map(lambda b: b[:65_000])),
        st.sampled_from([b"\xff", b"\0", b"\xff\0", b"\xff\xd0", b"\xff\xd8", b"\xff\xd9"]),
    )
)
_SCANS: Final = _joined(
    st.builds(
        lambda components, start, end, bits, data: (
            jpeg_scan(tuple(components), start, end, bits) + data
        ),
        st.lists(st.integers(1, 4), min_size=1, max_size=4),
        st.sampled_from([0, 1, 5]),
        st.sampled_from([0, 5, 63]),
        st.sampled_from([0, 0x01, 0x10, 0x21]),
        st.one_of(st.binary(max_size=20), st.just(b"\x55" * 50_000)),
    )
)
JPEG: Final = st.builds(
    lambda before, size, marker, sampling, scans: (
        b"\xff\xd8"
        + before
        + jpeg_frame(size, marker=marker, sampling=tuple(sampling))[2:]
        + scans
        + b"\xff\xd9"
    ),
    _SEGMENTS,
    _SIZES,
    st.sampled_from([0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA]),
    st.lists(st.sampled_from([0x11, 0x22, 0x41, 0x14, 0x44]), min_size=1, max_size=4),
    _SCANS,
)

_CHUNKS: Final = _joined(
    st.builds(
        png_chunk,
        st.sampled_from(
            [
                b"tEXt",
                b"zTXt",
                b"iTXt",
                b"iCCP",
                b"eXIf",
                b"tRNS",
                b"PLTE",
                b"acTL",
                b"fcTL",
                b"fdAT",
                b"IDAT",
                b"IEND",
                b"abCd",
                b"pHYs",
            ]
        ),
        _BODIES,
    )
)


def _png(
    size: tuple[int, int], depth: int, colour: int, interlaced: bool, before: bytes, after: bytes
) -> bytes:
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    raw = min(size[0] * size[1] * 8 + size[1] * 2 + 100, 34_000_000)
    data = zlib.compress(bytes(raw), 1)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            before,
            png_chunk(b"IDAT", data),
            after,
            png_chunk(b"IEND"),
        )
    )


PNG: Final = st.builds(
    _png,
    _SIZES,
    st.sampled_from([1, 2, 4, 8, 16]),
    st.sampled_from([0, 2, 3, 4, 6]),
    st.booleans(),
    _CHUNKS,
    _CHUNKS,
)

_WEBP_SIZES: Final = _SIZES.map(lambda size: (size[0] % 16_383 + 1, size[1] % 16_383 + 1))
_STILL: Final = st.builds(
    lambda size, alpha: lossless_webp(size, alpha=alpha), _WEBP_SIZES, st.booleans()
)
_WEBP_CHUNKS: Final = _joined(
    st.one_of(
        st.builds(
            riff_chunk,
            st.sampled_from([b"EXIF", b"XMP ", b"ICCP", b"abcd", b"ALPH", b"ANIM"]),
            _BODIES,
        ),
        st.builds(webp_frame, _STILL, _WEBP_SIZES),
        _STILL.map(lambda still: still[12:]),
    )
)
WEBP: Final = st.one_of(
    st.builds(extended_webp, _WEBP_SIZES, st.integers(0, 63), _WEBP_CHUNKS),
    st.builds(lambda still, chunks: riff(still[12:], chunks), _STILL, _WEBP_CHUNKS),
)

_BLOCKS: Final = _joined(
    st.one_of(
        st.sampled_from(
            [b"!\xfe\0", b"!\xf9\4\0\0\0\0\0", b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0", b"\0"]
        ),
        st.sampled_from([b"!\xfe\1a", b"!\xff\0\1a\0", b"\1a", b"!\xf9\0\0"]),
        st.binary(min_size=1, max_size=6),
    )
)
GIF: Final = st.builds(
    lambda screen, frame, blocks, flags, data: (
        b"GIF89a"
        + struct.pack("<HHBBB", *screen, 0, 0, 0)
        + blocks
        + b","
        + struct.pack("<HHHHB", 0, 0, *frame, flags)
        + b"\x02"
        + data
        + b"\0;"
    ),
    _SIZES,
    _SIZES,
    _BLOCKS,
    st.sampled_from([0, 0x40, 0x87]),
    _joined(
        st.sampled_from([b"\xff" + b"\x04" * 255, b"\xff" + b"\x84\x8f" * 127 + b"\0", b"\x01\x04"])
    ),
)
BMP: Final = st.builds(
    lambda size, body, depth, compression: bmp(
        size, body, bit_depth=depth, compression=compression
    ),
    _SIZES,
    _joined(
        st.one_of(
            st.binary(min_size=1, max_size=6), st.sampled_from([b"\0\0", b"\1\1", b"\0\2\1\1"])
        )
    ),
    st.sampled_from([1, 4, 8, 16, 24, 32]),
    st.integers(0, 6),
)

_GREY: Final = Image.fromarray(np.arange(65536, dtype=np.uint16).reshape(256, 256))
_SOUND: Final = (
    encode(noise((64, 48)), "JPEG", progressive=True),
    encode(noise((64, 48)), "MPO", save_all=True, append_images=[noise((32, 32))]),
    encode(noise((64, 48))),
    encode(_GREY),
    encode(noise((64, 48)), "PNG", save_all=True, append_images=[noise((64, 48), seed=1)]),
    encode(noise((64, 48)), "WEBP"),
    encode(noise((64, 48)), "WEBP", save_all=True, append_images=[noise((64, 48), seed=1)]),
    encode(noise((64, 48)), "GIF", save_all=True, append_images=[noise((64, 48), seed=1)]),
    encode(noise((64, 48)), "BMP"),
    *containers.SOUND,
    (FILES / "small.heic").read_bytes(),
)


def _change(data: bytes, changes: list[tuple[float, bytes]]) -> bytes:
    changed = bytearray(data)
    for place, value in changes:
        at = int(place * min(len(changed), 400))
        changed[at : at + len(value)] = value
    return bytes(changed)


CHANGED: Final = st.builds(
    _change,
    st.sampled_from(_SOUND),
    st.lists(
        st.tuples(
            st.floats(0, 1, exclude_max=True),
            st.one_of(
                st.binary(min_size=1, max_size=4), st.sampled_from([b"\xff\xff\xff\xff", b"\0\0"])
            ),
        ),
        min_size=1,
        max_size=6,
    ),
)

FORMATS: Final = {
    "JPEG": JPEG,
    "PNG": PNG,
    "WebP": WEBP,
    "GIF": GIF,
    "BMP": BMP,
    "changed": CHANGED,
    **containers.FORMATS,
}
