"""Hostile HEIC, AVIF, TIFF, JPEG 2000, icons and Netpbm of a few bytes, by name in `HOSTILE_CONTAINERS`."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Final

from PIL import Image

from tests.hostile_iso_media import (
    av1_of,
    box,
    burst_of_metadata,
    grid,
    grid_of_grids,
    many_slices,
)

SIDE_PX: Final = 7071
LIMIT_BYTES: Final = 16 * 2**20


def _encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


# TIFF


def tiff(
    tags: dict[int, tuple[int, list[int]]],
    body: bytes = b"",
    *,
    next_at: int = 0,
    repeat: int = 1,
    order: str = "<",
) -> bytes:
    """Return a TIFF whose `body` begins at byte 8; of each tag the type and the numbers."""
    types = {3: "H", 4: "I"}
    entries, values = b"", b""
    at = 8 + len(body)
    for tag, (kind, numbers) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}{types[kind]}", *numbers)
        if len(packed) > 4:
            place = struct.pack(order + "I", at + len(values))
            values += packed + bytes(len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(numbers)) + place
    directory = struct.pack(order + "H", min(65_535, repeat * len(tags))) + entries * repeat
    start = at + len(values)
    return (
        struct.pack(order + "2sH", b"II" if order == "<" else b"MM", 42)
        + struct.pack(order + "I", start)
        + body
        + values
        + directory
        + struct.pack(order + "I", next_at)
    )


def plain_tiff(
    size_wh: tuple[int, int] = (SIDE_PX, SIDE_PX),
    *,
    compression: int = 1,
    bits: int = 8,
    samples: int = 3,
    body: bytes = bytes(64),
    strips: int = 1,
    rows: int | None = None,
    **more: tuple[int, list[int]],
) -> bytes:
    tags = {
        256: (4, [size_wh[0]]),
        257: (4, [size_wh[1]]),
        258: (3, [bits] * samples),
        259: (3, [compression]),
        262: (3, [2 if samples >= 3 else 1]),
        273: (4, [8] * strips),
        277: (3, [samples]),
        278: (4, [rows or size_wh[1]]),
        279: (4, [len(body)] * strips),
        **{int(name[1:]): value for name, value in more.items()},
    }
    return tiff(tags, body)


def zeros_deflated(num_bytes: int) -> bytes:
    packer = zlib.compressobj(9)
    piece = bytes(2**20)
    parts = [packer.compress(piece) for _ in range(num_bytes >> 20)]
    return b"".join([*parts, packer.compress(bytes(num_bytes % 2**20)), packer.flush()])


def looped_tiff() -> bytes:
    data = plain_tiff((64, 64), body=bytes(64 * 64 * 3))
    start = int.from_bytes(data[4:8], "little")
    return data[:-4] + struct.pack("<I", start)


def chained_tiff(pages: int) -> bytes:
    data = plain_tiff((64, 64), body=bytes(64 * 64 * 3))
    at = len(data)
    data = data[:-4] + struct.pack("<I", at)
    return data + b"".join(struct.pack("<HI", 0, at + 6 * (n + 1)) for n in range(pages))


def big_tiff(entries: int) -> bytes:
    directory = struct.pack("<Q", 2**60) + struct.pack("<HHQQ", 1000, 1, 8, 0) * entries
    return b"II+\0\x08\0\0\0" + struct.pack("<Q", 16) + directory


# JPEG 2000


def jpeg2000(
    size_wh: tuple[int, int] = (SIDE_PX, SIDE_PX),
    *,
    tile_wh: tuple[int, int] | None = None,
    components: int = 3,
    levels: int = 5,
    layers: int = 1,
    block: tuple[int, int] = (4, 4),
    precincts: bytes = b"",
    body: bytes = bytes(32),
    more: bytes = b"",
) -> bytes:
    width, height = size_wh
    tile_w, tile_h = tile_wh or size_wh
    size = struct.pack(">HIIIIIIIIH", 0, width, height, 0, 0, tile_w, tile_h, 0, 0, components)
    size += b"\x07\x01\x01" * components
    coding = (
        struct.pack(">BBHBBBBBB", bool(precincts), 0, layers, 0, levels, *block, 0, 1) + precincts
    )
    steps = b"\x40" + bytes(range(8, 9 + 3 * levels))[: 3 * levels + 1].ljust(
        3 * levels + 1, b"\x40"
    )

    def segment(marker: int, content: bytes) -> bytes:
        return struct.pack(">HH", marker, len(content) + 2) + content

    head = (
        b"\xff\x4f"
        + segment(0xFF51, size)
        + segment(0xFF52, coding)
        + segment(0xFF5C, steps)
        + more
    )
    part = segment(0xFF90, struct.pack(">HIBB", 0, 14 + len(body), 0, 1)) + b"\xff\x93" + body
    return head + part + b"\xff\xd9"


def jp2_boxes(count: int, inner: bytes) -> bytes:
    start = b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    head = box(b"ihdr", struct.pack(">IIHBBBB", 64, 64, 3, 7, 7, 0, 0)) + inner * count
    return start + box(b"jp2h", head) + box(b"jp2c", jpeg2000((64, 64)))


# Icons


def icon(pictures: list[bytes], *, claimed: int | None = None, side: int = 0) -> bytes:
    entries, at = b"", 6 + 16 * len(pictures)
    for picture in pictures:
        entries += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(picture), at)
        at += len(picture)
    return b"\0\0\1\0" + struct.pack("<H", claimed or len(pictures)) + entries + b"".join(pictures)


def dib(size_wh: tuple[int, int], bits: int = 32, compression: int = 0, body: bytes = b"") -> bytes:
    return (
        struct.pack(
            "<IiiHHIIiiII", 40, size_wh[0], 2 * size_wh[1], 1, bits, compression, 0, 0, 0, 0, 0
        )
        + body
    )


def _png() -> bytes:
    from tests.hostile_images import png

    return png(colour_type=6)


HOSTILE_CONTAINERS: Final[dict[str, Callable[[], bytes]]] = {
    "HEIC, grid of 9,900 tiles, shown small": lambda: grid("hvc1", 99, 100, 1, (64, 48)),
    "HEIC, grid of 50 million pixels, one tile": lambda: grid("hvc1", 110, 147, 1, (7040, 7056)),
    "HEIC, grid of one tile that is said to be large": lambda: grid(
        "hvc1", 1, 1, 1, (SIDE_PX, SIDE_PX), (SIDE_PX, SIDE_PX)
    ),
    "HEIC, grids of grids": lambda: grid_of_grids("hvc1", 3),
    "HEIC, grids of grids of grids": lambda: grid_of_grids("hvc1", 20),
    "HEIC, 50,000 slices": lambda: many_slices(50_000),
    "HEIC, 5,000 pictures in one": lambda: many_slices(5_000),
    "HEIC, metadata for 900 pictures": burst_of_metadata,
    "HEIC, million boxes": lambda: (
        box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"free", b"") * 1_000_000
    ),
    "AVIF, grid of 9,900 tiles, shown small": lambda: grid("av01", 99, 100, 1, (64, 48)),
    "AVIF, grid of 50 million pixels, one tile": lambda: grid("av01", 110, 147, 1, (7040, 7056)),
    "AVIF, grids of grids": lambda: grid_of_grids("av01", 3),
    "AVIF, a sequence header of 65,536 px": lambda: av1_of((65_536, 65_536)),
    "AVIF, a sequence header of 268 million pixels": lambda: av1_of((16_384, 16_384)),
    "AVIF, a sequence header of 50 million pixels": lambda: av1_of((SIDE_PX, SIDE_PX)),
    "AVIF, 4,000 frames of 4 million pixels": lambda: av1_of((2000, 2000), 4000),
    "AVIF, EXIF of 65,000 tags": lambda: _encode(
        Image.new("RGB", (64, 48)),
        "AVIF",
        exif=b"Exif\0\0II*\0\x08\0\0\0"
        + struct.pack("<H", 60_000)
        + struct.pack("<HHII", 1000, 1, 4, 8) * 60_000
        + bytes(4),
    ),
    "TIFF, raw, 50 million pixels of nothing": plain_tiff,
    "TIFF, deflate, RGB": lambda: plain_tiff(compression=8, body=zeros_deflated(SIDE_PX**2 * 3)),
    "TIFF, deflate, RGBA of 16 bits": lambda: plain_tiff(
        compression=8, bits=16, samples=4, body=zeros_deflated(SIDE_PX**2 * 8)
    ),
    "TIFF, deflate, RGB of 16 bits, 20 million pixels": lambda: plain_tiff(
        (5000, 4000), compression=8, bits=16, body=zeros_deflated(20_000_000 * 6)
    ),
    "TIFF, deflate, grey of 16 bits": lambda: plain_tiff(
        compression=8, bits=16, samples=1, body=zeros_deflated(SIDE_PX**2 * 2)
    ),
    "TIFF, deflate, float": lambda: plain_tiff(
        compression=8, bits=32, samples=1, body=zeros_deflated(SIDE_PX**2 * 4), t339=(3, [3])
    ),
    "TIFF, fax": lambda: plain_tiff(compression=4, bits=1, samples=1, body=bytes(1000)),
    "TIFF, LZW": lambda: plain_tiff(compression=5, body=b"\x80" + b"\x0b\x60" * 1000),
    "TIFF, lzma": lambda: plain_tiff(compression=34925),
    "TIFF, old JPEG": lambda: plain_tiff(compression=6),
    "TIFF, a million strips": lambda: plain_tiff(
        (64, 1_000_000), strips=1_000_000, rows=1, body=bytes(200)
    ),
    "TIFF, 90,000 strips": lambda: plain_tiff((64, 90_000), strips=90_000, rows=1, body=bytes(200)),
    "TIFF, a million tiles of 16 px": lambda: plain_tiff(
        (16_000, 16_000),
        t322=(4, [16]),
        t323=(4, [16]),
        t324=(4, [8] * 1_000_000),
        t325=(4, [768] * 1_000_000),
        body=bytes(768),
    ),
    "TIFF, one tile of 60,000 px": lambda: plain_tiff(
        (64, 64),
        compression=8,
        t322=(4, [60_000]),
        t323=(4, [60_000]),
        t324=(4, [8]),
        t325=(4, [64]),
    ),
    "TIFF, 60,000 tags": lambda: tiff({256: (4, [64]), 257: (4, [64])}, repeat=30_000),
    "TIFF, loop of pages": looped_tiff,
    "TIFF, million pages": lambda: chained_tiff(1_000_000),
    "BigTIFF, 2^60 tags": lambda: big_tiff(700_000),
    "TIFF, samples a pixel": lambda: plain_tiff((64, 64), t277=(4, [2**31])),
    "JPEG 2000, 50 million pixels of nothing": jpeg2000,
    "JPEG 2000, 10 million pixels of nothing": lambda: jpeg2000((4000, 2500)),
    "JPEG 2000, 4 million pixels, one resolution": lambda: jpeg2000((2000, 2000), levels=0),
    "JPEG 2000, 10 million pixels, small blocks": lambda: jpeg2000((4000, 2500), block=(0, 0)),
    "JPEG 2000, 65,535 tiles": lambda: jpeg2000((65_535, 100), tile_wh=(1, 100)),
    "JPEG 2000, 1,900 tiles": lambda: jpeg2000((1900, 100), tile_wh=(1, 100)),
    "JPEG 2000, 16,384 components": lambda: jpeg2000((64, 64), components=16_384),
    "JPEG 2000, 65,535 layers": lambda: jpeg2000((2000, 2000), layers=65_535),
    "JPEG 2000, 200 layers": lambda: jpeg2000((4000, 2500), layers=200),
    "JPEG 2000, precincts of one pixel": lambda: jpeg2000((4000, 2500), precincts=bytes(6)),
    "JPEG 2000, 32 levels": lambda: jpeg2000((2000, 2000), levels=32),
    "JPEG 2000, comments": lambda: jpeg2000((64, 64), more=b"\xff\x64\0\2" * 1_000_000),
    "JPEG 2000, million boxes": lambda: jp2_boxes(1_000_000, box(b"abcd", b"")),
    "JPEG 2000, million resolutions": lambda: jp2_boxes(
        1, box(b"res ", box(b"abcd", b"") * 1_000_000)
    ),
    "ICO, 65,535 pictures": lambda: icon([b""] * 65_535),
    "ICO, a PNG of 50 million pixels": lambda: icon([_png()]),
    "ICO, a bitmap of 50 million pixels": lambda: icon([dib((SIDE_PX, SIDE_PX))]),
    "ICO, a bitmap of 4 million pixels": lambda: icon([dib((2000, 2000), body=bytes(15_000_000))]),
    "ICO, a bitmap of runs": lambda: icon(
        [dib((2000, 2000), 8, 1, bytes(1024) + b"\1\1" * 2_000_000)]
    ),
    "PPM, 50 million pixels of nothing": lambda: b"P6 7071 7071 255\n",
    "PPM, 50 million pixels of 12 bits": lambda: b"P5 2896 2896 4095\n" + bytes(2896 * 2896 * 2),
    "PPM, blanks": lambda: b"P6" + b" " * (LIMIT_BYTES - 100) + b"64 64 255\n",
    "PPM, comments": lambda: b"P6\n" + b"#\n" * 8_000_000 + b"64 64 255\n",
    "PPM, one comment": lambda: b"P6\n#" + b"a" * (LIMIT_BYTES - 100),
    "PPM, numbers": lambda: b"P3 1500 1800 255\n" + b"0 " * 8_100_000,
    "PPM, comments in text": lambda: b"P2 64 64 255\n" + b"#\n" * 8_000_000,
    "PPM, one long number": lambda: b"P2 64 64 255\n" + b"1" * (LIMIT_BYTES - 100),
    "PBM, 50 million pixels": lambda: b"P4 7071 7071\n" + bytes(884 * 7071),
    "PBM, text": lambda: b"P1 4000 4000\n" + b"1" * 16_000_000,
}
