"""HEIC, AVIF, TIFF, JPEG 2000, icons and Netpbm put together from pieces, as in `images.py` the others."""

import zlib
from typing import Final

from hypothesis import strategies as st

from tests.builders import encode
from tests.hostile_containers import dib, icon, jp2_boxes, jpeg2000, plain_tiff
from tests.hostile_images import png
from tests.hostile_iso_media import av1_of, box, coded, grid, one
from tests.inference.samples import noise

_Size = tuple[int, int]
_SIDES: Final = st.one_of(st.integers(1, 64), st.integers(1, 4000))
_SIZES: Final = st.tuples(_SIDES, _SIDES)
_BODIES: Final = st.builds(
    lambda part, times: part * min(times, 2**20 // len(part)),
    st.binary(min_size=1, max_size=40),
    st.one_of(st.integers(1, 5), st.integers(1, 100_000)),
)
_CODECS: Final = st.sampled_from(["hvc1", "av01"])


def _mangled(name: str, said_wh: _Size, keep: float, more: bytes, times: int) -> bytes:
    configuration, data = coded(name)
    kept = data[: int(keep * len(data))]
    return one(name, said_wh, (kept + more) * times, configuration)


HEIF: Final = st.one_of(
    st.builds(
        lambda name, columns, rows, shown, said: grid(name, columns, rows, 1, shown, said),
        _CODECS,
        st.integers(1, 90),
        st.integers(1, 90),
        _SIZES,
        st.one_of(st.just((64, 48)), _SIZES),
    ),
    st.builds(_mangled, _CODECS, _SIZES, st.floats(0, 1), _BODIES, st.sampled_from([1, 1, 2, 30])),
    st.builds(av1_of, _SIZES, st.sampled_from([1, 2, 50])),
)

_NUMBERS: Final = st.one_of(st.integers(0, 70_000), st.sampled_from([0, 1, 8, 2**31, 2**32 - 1]))
_TAGS: Final = st.dictionaries(
    st.sampled_from([256, 257, 266, 274, 284, 317, 320, 322, 323, 324, 325, 338, 339, 530, 34665]),
    st.tuples(st.just(4), st.lists(_NUMBERS, min_size=1, max_size=4)),
    max_size=5,
)


def _tiff(
    size: _Size,
    how: tuple[int, int, int],
    body: bytes,
    strips: int,
    tags: dict[int, tuple[int, list[int]]],
) -> bytes:
    compression, bits, samples = how
    if compression == 8:
        body = zlib.compress(body * min(64, 2**24 // len(body)))
    return plain_tiff(
        size,
        compression=compression,
        bits=bits,
        samples=samples,
        body=body,
        strips=strips,
        rows=max(1, size[1] // strips),
        **{f"t{tag}": value for tag, value in tags.items()},
    )


TIFF: Final = st.builds(
    _tiff,
    _SIZES,
    st.tuples(
        st.sampled_from([1, 1, 2, 3, 4, 5, 7, 8, 32773, 50000]),
        st.sampled_from([1, 2, 4, 8, 12, 16, 32]),
        st.integers(1, 5),
    ),
    _BODIES,
    st.sampled_from([1, 2, 50, 3000]),
    _TAGS,
)

JPEG2000: Final = st.one_of(
    st.builds(
        lambda size, tile, components, levels, layers, block, precincts, body: jpeg2000(
            size,
            tile_wh=tile,
            components=components,
            levels=levels,
            layers=layers,
            block=block,
            precincts=precincts,
            body=body,
        ),
        _SIZES,
        st.one_of(st.none(), _SIZES),
        st.integers(1, 5),
        st.integers(0, 8),
        st.sampled_from([1, 2, 20, 200]),
        st.tuples(st.integers(0, 8), st.integers(0, 4)),
        st.one_of(st.just(b""), st.binary(min_size=9, max_size=9)),
        _BODIES,
    ),
    st.builds(
        lambda count, kind, body: jp2_boxes(count, box(kind, body)),
        st.sampled_from([1, 5, 400]),
        st.sampled_from([b"res ", b"colr", b"pclr", b"ihdr", b"cdef", b"abcd"]),
        st.binary(max_size=40),
    ),
)


def _icon(size: _Size, how: tuple[int, int], body: bytes, is_png: bool, side: int) -> bytes:
    small = (size[0] % 800 + 1, size[1] % 800 + 1)
    return icon([png(small) if is_png else dib(size, *how, body)], side=side)


ICON: Final = st.builds(
    _icon,
    _SIZES,
    st.tuples(st.sampled_from([1, 4, 8, 24, 32]), st.integers(0, 3)),
    _BODIES,
    st.booleans(),
    st.sampled_from([0, 1, 16]),
)

NETPBM: Final = st.builds(
    lambda kind, between, size, highest, body: (
        b"P%d%s%d %d %d\n" % (kind, between, *size, highest) + body
    ),
    st.integers(1, 6),
    st.one_of(
        st.sampled_from([b" ", b"\n#\n"]), _BODIES.map(lambda body: b"\n#" + body[:5000] + b"\n")
    ),
    _SIZES,
    st.sampled_from([1, 255, 4095, 65535, 70000]),
    st.one_of(_BODIES, st.sampled_from([b"0 " * 10**6, b"#\n" * 10**6, b"1" * 10**6])),
)

_OPTIONS: Final[tuple[tuple[str, dict[str, object]], ...]] = (
    ("AVIF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {}),
    ("JPEG2000", {}),
    ("ICO", {"bitmap_format": "bmp"}),
    ("PPM", {}),
)
SOUND: Final = tuple(encode(noise((64, 48)), kind, **options) for kind, options in _OPTIONS)
FORMATS: Final = {
    "HEIC and AVIF": HEIF,
    "TIFF": TIFF,
    "JPEG 2000": JPEG2000,
    "icon": ICON,
    "Netpbm": NETPBM,
}
