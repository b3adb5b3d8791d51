"""The odd files that real folders hold, and what is to become of each.

Those in `SOUND` show `picture()` or a part of it and are taken; those in `BAD` are refused. Each has
one treatment, the same when a folder is scanned and when a client sends it.
"""

import io
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from inference.decoding import DEFAULT_LIMITS
from tests.builders import encode
from tests.inference.colour_profiles import ADOBE
from tests.inference.samples import (
    jpeg_header,
    jpeg_with_exif,
    noise,
    orientation_exif,
    picture,
    png,
    png_chunk,
    stored_as,
    ycck_jpeg,
)

FILES: Final = Path(__file__).parent / "files"
_SIZE_WH: Final = (48, 32)
_FIELD_OF_NO_TYPE: Final = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\xff\xff" + b"\xff" * 8


def _frames() -> dict[str, object]:
    """Options that make the second frame of an animation another image."""
    return {"save_all": True, "append_images": [noise(_SIZE_WH)]}


def _palette_with_alpha() -> bytes:
    alpha = bytes(np.linspace(0, 255, 256).astype(np.uint8))
    return encode(picture().convert("P", palette=Image.Palette.ADAPTIVE), transparency=alpha)


def _half_clear(mode: str) -> bytes:
    image = picture().convert(mode)
    image.putalpha(Image.linear_gradient("L").resize(_SIZE_WH))
    return encode(image)


def _grey_16_bit(highest: int = 65_535) -> bytes:
    rows = [np.linspace(0, highest, 48).astype(">u2").tobytes() for _ in range(32)]
    return png(_SIZE_WH, bit_depth=16, colour_type=0, rows=rows)


def _colour_16_bit() -> bytes:
    deep = np.asarray(picture()).astype(">u2") * 257
    return png(_SIZE_WH, bit_depth=16, colour_type=2, rows=[row.tobytes() for row in deep])


def _turned(orientation: int) -> bytes:
    image = stored_as(picture(), orientation)
    return encode(image, "JPEG", quality=100, subsampling=0, exif=orientation_exif(orientation))


def _metadata_bomb() -> bytes:
    chunk = png_chunk(b"zTXt", b"name\0\0" + zlib.compress(bytes(3 * 2**20)))
    return png((1, 1), bit_depth=8, colour_type=2, rows=[b"abc"], extra=chunk)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


TURNED: Final[Mapping[str, Callable[[], bytes]]] = {
    f"exif-{orientation}.jpg": partial(_turned, orientation) for orientation in range(1, 9)
}

SOUND: Final[Mapping[str, Callable[[], bytes]]] = {
    **TURNED,
    "turned.png": lambda: encode(picture(), "PNG", exif=orientation_exif(6)),
    "turned.webp": lambda: encode(picture(), "WEBP", exif=orientation_exif(8)),
    "broken-exif.jpg": lambda: jpeg_with_exif(
        b"II*\x00\x08\x00\x00\x00\xff\xff" + b"\x12\x01" * 30
    ),
    "exif-of-no-type.jpg": lambda: jpeg_with_exif(_FIELD_OF_NO_TYPE),
    "exif-is-text.jpg": lambda: jpeg_with_exif(b"not a TIFF header"),
    "animated.gif": lambda: encode(picture(), "GIF", **_frames()),
    "animated.webp": lambda: encode(picture(), "WEBP", **_frames()),
    "two-views.mpo": lambda: encode(picture(), "MPO", **_frames()),
    "cmyk.jpg": lambda: encode(picture().convert("CMYK"), "JPEG"),
    "ycck.jpg": lambda: ycck_jpeg(picture()),
    "grey-16-bit.png": _grey_16_bit,
    "colour-16-bit.png": _colour_16_bit,
    "palette-and-alpha.png": _palette_with_alpha,
    "half-clear.png": lambda: _half_clear("RGBA"),
    "half-clear-grey.png": lambda: _half_clear("LA"),
    "two-tone.png": lambda: encode(picture().convert("1")),
    "one-pixel.png": lambda: encode(picture((1, 1))),
    "one-pixel.jpg": lambda: encode(picture((1, 1)), "JPEG"),
    "panorama.jpg": lambda: encode(picture((20_000, 400)), "JPEG"),
    "tower.png": lambda: encode(picture((1, 5_000))),
    "large.jpg": lambda: encode(picture((5_001, 3_003)), "JPEG"),
    "png-by-content.jpg": lambda: encode(picture(), "PNG"),
    "data-behind-its-end.jpg": lambda: encode(picture(), "JPEG") + b"tail" * 100,
    "metadata-bomb.png": _metadata_bomb,
    "without-its-end.jpg": lambda: encode(picture(), "JPEG")[:-2],
    "grey-12-bit.png": lambda: _grey_16_bit(highest=4095),
    "adobe-rgb.png": lambda: encode(picture(), icc_profile=ADOBE),
}

# Sound too, of kinds that few people send.
OTHER_FORMATS: Final[Mapping[str, Callable[[], bytes]]] = {
    "phone.heic": (FILES / "small.heic").read_bytes,
    "turned.heic": (FILES / "turned.heic").read_bytes,
    "picture.avif": lambda: encode(picture(), "AVIF"),
    "animated.avif": lambda: encode(picture(), "AVIF", **_frames()),
    "scan.tif": lambda: encode(picture(), "TIFF", compression="tiff_lzw"),
    "pages.tif": lambda: encode(picture(), "TIFF", **_frames()),
    "tiff.jpg": lambda: encode(picture(), "TIFF", compression="jpeg"),
    "turned.tif": lambda: encode(picture(), "TIFF", exif=orientation_exif(6)),
    "detector.tif": lambda: encode(Image.open(io.BytesIO(_grey_16_bit(highest=4095))), "TIFF"),
    "float.tif": lambda: encode(picture().convert("F"), "TIFF"),
    "picture.jp2": lambda: encode(picture(), "JPEG2000"),
    "icon.ico": lambda: encode(picture(), "ICO", sizes=[(16, 16), (32, 21)]),
    "picture.ppm": lambda: encode(picture(), "PPM"),
    "deep.pgm": lambda: b"P5 48 32 4095\n" + np.arange(48 * 32, dtype=">u2").tobytes(),
}

BAD: Final[Mapping[str, Callable[[], bytes]]] = {
    "empty.jpg": lambda: b"",
    "html.jpg": lambda: b"<!DOCTYPE html><html><head><title>404</title></head></html>",
    "text.png": "고양이".encode,
    "svg.png": lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "heic.jpg": lambda: b"\0\0\0\x18ftypheic" + bytes(64),
    "dicom.png": lambda: bytes(128) + b"DICM\x02\0\0\0",
    "film.jpg": lambda: b"\0\0\0\x14ftypqt  \0\0\0\0qt  \0\0\0\x08wide",
    "raw.tif": lambda: b"II*\0\x10\0\0\0CR\2\0" + bytes(64),
    "cut.jpg": lambda: _cut(encode(noise(_SIZE_WH), "JPEG")),
    "cut.png": lambda: _cut(encode(noise(_SIZE_WH), "PNG")),
    "cut.webp": lambda: _cut(encode(noise(_SIZE_WH), "WEBP")),
    "signature-alone.png": lambda: b"\x89PNG\r\n\x1a\n",
    "too-many-pixels.jpg": lambda: jpeg_header((60_000, 60_000)),
    "too-many-pixels.png": lambda: png((60_000, 60_000), bit_depth=8, colour_type=2, rows=[b""]),
}


def too_many_bytes() -> bytes:
    """Return a sound JPEG with a tail that takes it over the limit."""
    return encode(picture(), "JPEG").ljust(DEFAULT_LIMITS.max_bytes + 1)


ODD_NAMES: Final = (
    "two\nlines.png",
    "가" * 83 + "ab.png",  # 255 bytes in UTF-8, the most that a file's name may have
    "UPPER.PNG",
    "upper.png",
    "quote\"and'apostrophe.png",
    "100%.png",
    "-rf.png",
    " spaces .png",
    "cafe\u0301.png",  # decomposed, as macOS stores it
)

CLUTTER: Final = ("Thumbs.db", ".hidden.png", "._picture.png", "desktop.ini")


def write_files(folder: Path, files: Mapping[str, Callable[[], bytes]]) -> None:
    """Write odd files into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in files.items():
        (folder / name).write_bytes(make())


def write_odd_names(folder: Path) -> None:
    """Write a sound image under each odd name, each another image."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(ODD_NAMES):
        (folder / name).write_bytes(encode(noise(_SIZE_WH, seed)))


def write_clutter(folder: Path) -> None:
    """Put into `folder` what a scan overlooks: sound images, but none that a person put there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in CLUTTER:
        (folder / name).write_bytes(encode(picture()))
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "picture.png").write_bytes(encode(picture()))
    (folder / "loop").symlink_to(folder, target_is_directory=True)
