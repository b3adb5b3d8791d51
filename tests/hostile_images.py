"""Images of a few bytes that cost much to decode, each a function that makes one, by name in `HOSTILE`.

At the default limits: 16 MiB, 50 million pixels, 65,535 px a side. Made by hand where no encoder would
write such a file. `python -m benchmarks.decode_cost` measures each.
"""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Final

from PIL import Image

SIDE_PX: Final = 7071  # 7071 x 7071 is just below 50 million pixels
LIMIT_BYTES: Final = 16 * 2**20


def _encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


# JPEG


def jpeg_segment(marker: int, body: bytes = b"") -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_frame(
    size_wh: tuple[int, int], *, marker: int, sampling: tuple[int, ...] = (0x11, 0x11, 0x11)
) -> bytes:
    """Return SOI, tables and the frame header: what stands before the first scan."""
    width, height = size_wh
    components = b"".join(bytes([n + 1, s, 0]) for n, s in enumerate(sampling))
    # One code of one bit for symbol 0: "no difference", or "end of block".
    codes = bytes([1] + [0] * 15 + [0])
    return (
        b"\xff\xd8"
        + jpeg_segment(0xDB, b"\0" + bytes([1] * 64))
        + jpeg_segment(0xC4, b"\x00" + codes + b"\x10" + codes)
        + jpeg_segment(marker, struct.pack(">BHHB", 8, height, width, len(sampling)) + components)
    )


def jpeg_scan(components: tuple[int, ...], start: int, end: int, bits: int = 0) -> bytes:
    named = b"".join(bytes([component, 0]) for component in components)
    return jpeg_segment(0xDA, bytes([len(components)]) + named + bytes([start, end, bits]))


def progressive_jpeg(size_wh: tuple[int, int], scans: int, **frame: tuple[int, ...]) -> bytes:
    """Return a progressive JPEG of `scans` scans without data; libjpeg walks over all blocks for each."""
    first = jpeg_scan((1, 2, 3), 0, 0)
    return (
        jpeg_frame(size_wh, marker=0xC2, **frame)
        + first
        + (jpeg_scan((1,), 1, 63) + b"\0") * (scans - 1)
        + b"\xff\xd9"
    )


def baseline_jpeg_of_scans(size_wh: tuple[int, int], scans: int) -> bytes:
    parts = [jpeg_scan((number % 3 + 1,), 0, 63) + b"\0" for number in range(scans)]
    return jpeg_frame(size_wh, marker=0xC0) + b"".join(parts) + b"\xff\xd9"


def arithmetic_jpeg(size_wh: tuple[int, int], *, progressive: bool = False) -> bytes:
    frame = jpeg_frame(size_wh, marker=0xCA if progressive else 0xC9)
    scans = jpeg_scan((1, 2, 3), 0, 0 if progressive else 63) + bytes(64)
    if progressive:
        scans += b"".join(jpeg_scan((n,), 1, 63) + bytes(range(64)) for n in (1, 2, 3))
    return frame + scans + b"\xff\xd9"


def progressive_cmyk_jpeg(size_wh: tuple[int, int]) -> bytes:
    return (
        jpeg_frame(size_wh, marker=0xC2, sampling=(0x11,) * 4)
        + jpeg_scan((1, 2, 3, 4), 0, 0)
        + b"\0\xff\xd9"
    )


def jpeg_with(before: bytes) -> bytes:
    """Return a small sound JPEG with `before` put between its start and its first segment."""
    jpeg = _encode(Image.new("RGB", (64, 64), (250, 10, 10)), "JPEG")
    return jpeg[:2] + before + jpeg[2:]


def exif_directory(entries: int, *, big: bool = False) -> bytes:
    """Return an EXIF block whose directory has that many tags, none of them an orientation."""
    size = 4 if not big else entries
    tags = b"".join(
        struct.pack("<HHII", tag % 65536, 1, size, 8) for tag in range(1000, 1000 + entries)
    )
    return b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + tags + bytes(4)


def photoshop_blocks() -> bytes:
    block = b"8BIM\x04\x04\0\0" + bytes(4)
    return b"Photoshop 3.0\0" + block * ((65_000 - 14) // len(block))


# PNG


def png_chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    size_wh: tuple[int, int] = (SIDE_PX, SIDE_PX),
    *,
    colour_type: int = 6,
    bit_depth: int = 8,
    interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
    idat_bytes: int = 2**16,
) -> bytes:
    """Return a PNG of zeros."""
    width, height = size_wh
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
    body = zlib.compressobj(9)
    row = bytes(1 + -(-width * channels * bit_depth // 8))
    # Adam7 has more rows than the image, each shorter; some zeros too many do no harm.
    rows = height if not interlaced else 2 * height + 8
    packed = b"".join(body.compress(row) for _ in range(rows)) + body.flush()
    chunks = [
        png_chunk(b"IDAT", packed[start : start + idat_bytes])
        for start in range(0, len(packed), idat_bytes)
    ]
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, interlaced)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            png_chunk(b"PLTE", bytes(range(256)) * 3) if colour_type == 3 else b"",
            before,
            *chunks,
            after,
            png_chunk(b"IEND"),
        ]
    )


def small_png(before: bytes = b"", after: bytes = b"") -> bytes:
    return png((64, 64), colour_type=2, before=before, after=after)


def empty_blocks(num_bytes: int) -> bytes:
    """Return so much of a zlib stream that gives nothing: blocks that hold their own codes and no data."""
    bits = position = 0
    for value, length in (
        *((0, 1), (2, 2), (0, 5), (0, 5), (14, 4)),  # dynamic, 257 + 1 codes, lengths of 18 symbols
        *((int(symbol in (2, 17)), 3) for symbol in range(18)),
        *(
            (1, 1),
            (127, 7),
            (1, 1),
            (107, 7),
            (0, 1),
            (0, 1),
            (0, 1),
        ),  # 256 absent, the end, a distance
    ):
        bits |= value << position
        position += length
    eight = sum(bits << position * number for number in range(8)).to_bytes(position, "little")
    return b"\x78\x01" + eight * (num_bytes // len(eight))


def apng(size_wh: tuple[int, int], frames: int) -> bytes:
    width, height = size_wh
    control = png_chunk(b"acTL", struct.pack(">II", frames, 0))
    later = []
    for frame in range(1, frames):
        part = struct.pack(">IIIIIHHBB", 2 * frame - 1, 1, 1, 0, 0, 1, 1, 0, 0)
        data = struct.pack(">I", 2 * frame) + zlib.compress(b"\0\0\0\0")
        later.append(png_chunk(b"fcTL", part) + png_chunk(b"fdAT", data))
    first = png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 1, 0, 0))
    return png(size_wh, colour_type=2, before=control + first, after=b"".join(later))


# WebP


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def lossless_webp(size_wh: tuple[int, int] = (SIDE_PX, SIDE_PX), *, alpha: bool = False) -> bytes:
    """Return a WebP of one colour, 40 bytes: every Huffman code has one symbol and so takes no bits."""
    width, height = size_wh
    bits = 0x2F | (width - 1) << 8 | (height - 1) << 22 | alpha << 36
    position = 8 + 14 + 14 + 1 + 3
    # No transform, no colour cache, no meta code; five codes, each simple with one symbol of 0.
    position += 3
    for _ in range(5):
        bits |= 1 << position  # simple
        position += 4  # one symbol, of one bit, which is 0
    return riff(riff_chunk(b"VP8L", bits.to_bytes(-(-position // 8) + 1, "little")))


def webp_frame(image: bytes, size_wh: tuple[int, int] = (1, 1)) -> bytes:
    width, height = size_wh
    header = bytes(6) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff_chunk(b"ANMF", header + bytes(4) + image[12:])


def extended_webp(size_wh: tuple[int, int], flags: int, *chunks: bytes) -> bytes:
    width, height = size_wh
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + canvas), *chunks)


def animated_webp(size_wh: tuple[int, int], frames: int) -> bytes:
    frame = webp_frame(lossless_webp((1, 1)))
    return extended_webp(size_wh, 0x12, riff_chunk(b"ANIM", bytes(6)), *([frame] * frames))


# GIF and BMP


def gif(
    size_wh: tuple[int, int] = (SIDE_PX, SIDE_PX), *, before: bytes = b"", **options: object
) -> bytes:
    data = _encode(Image.new("P", size_wh, 1), "GIF", **options)
    place = data.index(b",\0\0\0\0")
    return data[:place] + before + data[place:]


def bmp(
    size_wh: tuple[int, int], body: bytes, *, bit_depth: int = 8, compression: int = 0
) -> bytes:
    palette = bytes(range(256)) * 4 if bit_depth <= 8 else b""
    palette = palette[: 4 << bit_depth] if bit_depth <= 8 else b""
    width, height = size_wh
    offset = 54 + len(palette)
    header = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bit_depth, compression, len(body), 0, 0, 0, 0
    )
    start = b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset)
    return start + header + palette + body


def raw_bmp(size_wh: tuple[int, int], bit_depth: int) -> bytes:
    width, height = size_wh
    return bmp(size_wh, bytes((width * bit_depth + 31) // 32 * 4 * height), bit_depth=bit_depth)


_LONG = (65_535, 762)

HOSTILE: Final[dict[str, Callable[[], bytes]]] = {
    "JPEG, progressive, 5,000 scans": lambda: progressive_jpeg((SIDE_PX, SIDE_PX), 5000),
    "JPEG, progressive, 90 scans": lambda: progressive_jpeg((SIDE_PX, SIDE_PX), 90),
    "JPEG, progressive, 60,000 scans of 1000x1000": lambda: progressive_jpeg((1000, 1000), 60_000),
    "JPEG, baseline, 5,000 scans": lambda: baseline_jpeg_of_scans((SIDE_PX, SIDE_PX), 5000),
    "JPEG, arithmetic": lambda: arithmetic_jpeg((SIDE_PX, SIDE_PX)),
    "JPEG, arithmetic, progressive": lambda: arithmetic_jpeg((SIDE_PX, SIDE_PX), progressive=True),
    "JPEG, lossless": lambda: (
        jpeg_frame((SIDE_PX, SIDE_PX), marker=0xC3) + jpeg_scan((1, 2, 3), 1, 0) + b"\0\xff\xd9"
    ),
    "JPEG, progressive, CMYK": lambda: progressive_cmyk_jpeg((SIDE_PX, SIDE_PX)),
    "JPEG, progressive, CMYK, long": lambda: progressive_cmyk_jpeg((65_500, 763)),
    "JPEG, progressive, long": lambda: progressive_jpeg((65_500, 763), 10),
    "JPEG, 400,000 EXIF segments": lambda: jpeg_with(jpeg_segment(0xE1, b"Exif\0\0") * 400_000),
    "JPEG, 250 EXIF segments of 64 kB": lambda: jpeg_with(
        jpeg_segment(0xE1, b"Exif\0\0" + bytes(65_000)) * 250
    ),
    "JPEG, fill bytes": lambda: jpeg_with(b"\xff" * (LIMIT_BYTES - 2000)),
    "JPEG, junk": lambda: jpeg_with(
        jpeg_segment(0xFE) + b"\0" * (LIMIT_BYTES - 2000)
    ),
    "JPEG, empty segments": lambda: jpeg_with(jpeg_segment(0xE5) * 4_000_000),
    "JPEG, comments": lambda: jpeg_with(jpeg_segment(0xFE) * 4_000_000),
    "JPEG, Photoshop blocks": lambda: jpeg_with(jpeg_segment(0xED, photoshop_blocks()) * 250),
    "JPEG, quantisation tables": lambda: jpeg_with(
        jpeg_segment(0xDB, (b"\0" + bytes([1] * 64)) * 1000) * 250
    ),
    "JPEG, frames": lambda: jpeg_with(
        jpeg_segment(0xC0, b"\x08\0\x40\0\x40\x03" + bytes(65_000)) * 250
    ),
    "JPEG, EXIF of 60,000 tags": lambda: jpeg_with(
        b"".join(
            jpeg_segment(0xE1, b"Exif\0\0" + exif_directory(60_000)[start : start + 60_000])
            for start in range(0, 720_000, 60_000)
        )
    ),
    "PNG, RGBA": png,
    "PNG, RGBA, 16 bits": lambda: png(bit_depth=16),
    "PNG, grey and alpha": lambda: png(colour_type=4),
    "PNG, grey and alpha, 16 bits": lambda: png(colour_type=4, bit_depth=16),
    "PNG, RGB, 16 bits": lambda: png(colour_type=2, bit_depth=16),
    "PNG, RGB with a transparent colour": lambda: png(
        colour_type=2, before=png_chunk(b"tRNS", bytes(6))
    ),
    "PNG, grey, 16 bits": lambda: png(colour_type=0, bit_depth=16),
    "PNG, grey, 16 bits, transparent": lambda: png(
        colour_type=0, bit_depth=16, before=png_chunk(b"tRNS", b"\0\0")
    ),
    "PNG, palette, transparent": lambda: png(colour_type=3, before=png_chunk(b"tRNS", b"\x80\x80")),
    "PNG, RGBA, interlaced": lambda: png(interlaced=True),
    "PNG, RGBA, 16 bits, interlaced": lambda: png(interlaced=True, bit_depth=16),
    "PNG, RGBA, turned": lambda: png(
        before=png_chunk(b"eXIf", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + bytes(4))
    ),
    "PNG, RGBA, long": lambda: png(_LONG),
    "PNG, 1 bit": lambda: png(colour_type=0, bit_depth=1),
    "PNG, chunks before": lambda: small_png(before=png_chunk(b"abCd") * 1_300_000),
    "PNG, chunks after": lambda: small_png(after=png_chunk(b"abCd") * 1_300_000),
    "PNG, empty image data": lambda: small_png(before=png_chunk(b"IDAT") * 1_300_000),
    "PNG, texts": lambda: small_png(before=png_chunk(b"tEXt", b"a\0b") * 1_000_000),
    "PNG, profiles": lambda: small_png(
        before=png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**20 - 9), 9)) * 5_000
    ),
    "PNG, compressed texts": lambda: small_png(
        before=png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20 - 9), 9)) * 60
    ),
    "PNG, international texts": lambda: small_png(
        before=png_chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2**20 - 9), 9)) * 60
    ),
    "PNG, image data in bytes": lambda: png((2000, 2000), idat_bytes=1),
    "PNG, more image data than pixels": lambda: small_png(
        after=png_chunk(b"IDAT", bytes(2**20)) * 15
    ),
    "PNG, profile of empty blocks": lambda: small_png(
        before=png_chunk(b"iCCP", b"a\0\0" + empty_blocks(15 * 2**20))
    ),
    "PNG, image data of empty blocks": lambda: small_png(
        before=png_chunk(b"IDAT", empty_blocks(15 * 2**20))
    ),
    "PNG, EXIF of 65,000 tags": lambda: small_png(before=png_chunk(b"eXIf", exif_directory(64_000))),
    "APNG, 100,000 frames": lambda: apng((64, 64), 100_000),
    "WebP, lossless": lossless_webp,
    "WebP, lossless, alpha": lambda: lossless_webp(alpha=True),
    "WebP, lossless, 16383 px wide": lambda: lossless_webp((16_383, 3051)),
    "WebP, animated, 50 million pixels": lambda: animated_webp((SIDE_PX, SIDE_PX), 2),
    "WebP, animated, 50 million pixels a frame": lambda: extended_webp(
        (SIDE_PX, SIDE_PX),
        0x12,
        riff_chunk(b"ANIM", bytes(6)),
        *[webp_frame(lossless_webp(), (SIDE_PX, SIDE_PX))] * 2,
    ),
    "WebP, animated, 300,000 frames": lambda: animated_webp((64, 64), 300_000),
    "WebP, 1,900,000 chunks": lambda: extended_webp(
        (64, 64), 0, lossless_webp((64, 64))[12:], riff_chunk(b"abcd", b"") * 1_900_000
    ),
    "WebP, EXIF of 65,000 tags": lambda: extended_webp(
        (64, 64), 8, lossless_webp((64, 64))[12:], riff_chunk(b"EXIF", exif_directory(64_000))
    ),
    "GIF": gif,
    "GIF, transparent": lambda: gif(transparency=1),
    "GIF, long": lambda: gif(_LONG),
    "GIF, comments of a byte": lambda: gif((64, 64), before=b"!\xfe" + b"\1a" * 8_000_000 + b"\0"),
    "GIF, empty comments": lambda: gif((64, 64), before=b"!\xfe\0" * 5_000_000),
    "GIF, application blocks": lambda: gif((64, 64), before=b"!\xff\1a\0" * 3_000_000),
    "GIF, control blocks": lambda: gif((64, 64), before=b"!\xf9\4\0\0\0\0\0" * 2_000_000),
    "GIF, junk": lambda: gif((64, 64), before=b"\0" * (LIMIT_BYTES - 2000)),
    "BMP, RLE8, line ends": lambda: bmp(_LONG, b"\1\1\0\0" * 762, compression=1),
    "BMP, RLE8, runs of one": lambda: bmp((SIDE_PX, SIDE_PX), b"\1\1" * 8_000_000, compression=1),
    "BMP, RLE8, runs beyond the line": lambda: bmp((1, 65_535), b"\2\1" * 8_000_000, compression=1),
    "BMP, RLE4, runs": lambda: bmp(
        (SIDE_PX, SIDE_PX), b"\xff\x12" * 220_000, bit_depth=4, compression=2
    ),
    "BMP, 1 bit": lambda: raw_bmp((SIDE_PX, SIDE_PX), 1),
}  # fmt: skip
