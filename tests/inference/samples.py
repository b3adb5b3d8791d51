"""Image files for the tests, the odd ones made by hand because Pillow does not write them."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.builders import encode

Pixels = npt.NDArray[np.uint8]

ORIENTATION_TAG = 0x0112
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture(size_wh: tuple[int, int] = (48, 32)) -> Image.Image:
    """Return an RGB image that differs from each of its turns and mirrors and compresses well."""
    width, height = size_wh
    x = np.linspace(0, 1, width)[np.newaxis, :].repeat(height, axis=0)
    y = np.linspace(0, 1, height)[:, np.newaxis].repeat(width, axis=1)
    return Image.fromarray((np.stack([x, y, x * y], axis=2) * 255).astype(np.uint8))


def noise(size_wh: tuple[int, int], seed: int = 0) -> Image.Image:
    """Return an RGB image of random pixels."""
    width, height = size_wh
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def pixels(image: Image.Image) -> npt.NDArray[np.int16]:
    """Return (H, W, 3) pixels of a type whose differences do not wrap."""
    return np.asarray(image, dtype=np.int16)


def orientation_exif(orientation: int) -> Image.Exif:
    """Return an EXIF block that holds only an orientation."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return exif


def stored_as(upright: Image.Image, orientation: int) -> Image.Image:
    """Return what a camera stores so that a viewer who obeys `orientation` shows `upright`.

    After the table in EXIF 2.32, 4.6.4 A: where row 0 and column 0 of the stored image belong.
    """
    seen = np.asarray(upright)
    stored = {
        1: seen,  # row 0 top, column 0 left
        2: seen[:, ::-1],  # top, right
        3: seen[::-1, ::-1],  # bottom, right
        4: seen[::-1],  # bottom, left
        5: seen.transpose(1, 0, 2),  # left, top
        6: seen[:, ::-1].transpose(1, 0, 2),  # right, top
        7: seen[::-1, ::-1].transpose(1, 0, 2),  # right, bottom
        8: seen[::-1].transpose(1, 0, 2),  # left, bottom
    }[orientation]
    return Image.fromarray(np.ascontiguousarray(stored))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    size_wh: tuple[int, int],
    *,
    bit_depth: int,
    colour_type: int,
    rows: Sequence[bytes],
    extra: bytes = b"",
) -> bytes:
    """Return a PNG file of unfiltered `rows`, with `extra` chunks before the image data."""
    header = struct.pack(">IIBBBBB", *size_wh, bit_depth, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", body)
    return PNG_SIGNATURE + chunks + png_chunk(b"IEND", b"")


def jpeg_segment(marker: int, body: bytes) -> bytes:
    """Return one JPEG segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_with_exif(block: bytes, size_wh: tuple[int, int] = (48, 32)) -> bytes:
    """Return a sound JPEG whose EXIF segment holds `block`, whatever that is."""
    jpeg = encode(picture(size_wh), "JPEG", quality=95)
    return jpeg[:2] + jpeg_segment(0xE1, b"Exif\0\0" + block) + jpeg[2:]


def jpeg_header(size_wh: tuple[int, int]) -> bytes:
    """Return a JPEG file that claims a size and ends where its image data would begin."""
    width, height = size_wh
    frame = struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0])
    scan = bytes([1, 1, 0, 0, 63, 0])
    return b"\xff\xd8" + jpeg_segment(0xC0, frame) + jpeg_segment(0xDA, scan)


def ycck_jpeg(image: Image.Image) -> bytes:
    """Return an RGB image as an Adobe YCCK JPEG.

    Pillow writes CMYK inverted, with an Adobe segment that says "no colour transform". Its four
    channels are given inverted Y, Cb, Cr here, and the segment is made to say YCCK.
    """
    inks = Image.fromarray(255 - np.asarray(image)).convert("YCbCr")
    channels = [Image.fromarray(255 - np.asarray(channel)) for channel in inks.split()]
    black = Image.new("L", image.size, 0)
    jpeg = encode(Image.merge("CMYK", [*channels, black]), "JPEG", quality=95)
    transform = jpeg.index(b"Adobe") + 11
    assert jpeg[transform] == 0
    return jpeg[:transform] + b"\x02" + jpeg[transform + 1 :]
