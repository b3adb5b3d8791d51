"""Single files as people have them: what each of them shows, or what is said of it."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageCms, ImageOps

from tests.inference.colour_profiles import ADOBE, P3
from tests.inference.samples import orientation_exif, png_chunk

_FILES: Final = Path(__file__).parents[2] / "tests" / "files"
_SIZE_WH: Final = (64, 48)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCase:
    """A file, and what is right.

    Attributes:
        name: with the suffix that it comes with.
        make: gives its bytes.
        shows: the picture that a viewer shows; None where it is to be refused.
        within: largest mean difference from that picture, 0..255.
        words: what must be said of it: in its note, or in the reason why it is refused.
    """

    name: str
    make: Callable[[], bytes]
    shows: Image.Image | None = None
    within: float = 2.0
    words: str = ""


def _picture(size_wh: tuple[int, int] = _SIZE_WH) -> Image.Image:
    width, height = size_wh
    x = np.linspace(0, 1, width)[np.newaxis, :].repeat(height, axis=0)
    y = np.linspace(0, 1, height)[:, np.newaxis].repeat(width, axis=1)
    return Image.fromarray((np.stack([x, y, 1 - x * y], axis=2) * 255).astype(np.uint8))


PICTURE: Final = _picture()
_GREY: Final = PICTURE.convert("L")
_HEIC_SHOWS: Final = Image.fromarray(
    (
        np.stack(
            [
                *np.meshgrid(np.linspace(0, 1, 64), np.linspace(0, 1, 48)),
                np.outer(np.linspace(0, 1, 48), np.linspace(0, 1, 64)),
            ],
            axis=2,
        )
        * 255
    ).astype(np.uint8)
)


def _encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    if options.pop("animated", False):
        options |= {"save_all": True, "append_images": [Image.new("RGB", _SIZE_WH, "red")]}
    image.copy().save(stream, image_format, **options)  # saving leaves its mark on an image
    return stream.getvalue()


def _of(image_format: str, image: Image.Image = PICTURE, **options: Any) -> Callable[[], bytes]:
    return lambda: _encode(image, image_format, **options)


def _deep(
    highest: float, image_format: str = "PNG", low: float = 0.0, kind: str = "u2"
) -> Callable[[], bytes]:
    samples = low + np.asarray(_GREY) / 255 * (highest - low)
    array = np.rint(samples).astype(np.dtype(kind)) if kind != "f4" else samples.astype(np.float32)
    return lambda: _encode(Image.fromarray(array), image_format)


def _deep_colours(bits: int) -> bytes:
    samples = (np.asarray(PICTURE).astype(np.uint32) * (2**bits - 1) // 255).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", *_SIZE_WH, 16, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in parts)


def _in_space(profile: bytes) -> Image.Image:
    """Return the picture's colours as numbers of another space."""
    converted = ImageCms.profileToProfile(
        PICTURE.point(lambda value: 60 + value // 3),  # within both
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
    )
    assert converted is not None
    return converted


_PALE: Final = PICTURE.point(lambda value: 60 + value // 3)
_TURN: Final = Image.Transpose.ROTATE_270
_TALL: Final = _picture((64, 480))


def _half_clear() -> Image.Image:
    clear = PICTURE.copy()
    clear.putalpha(0)
    return clear


def _cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def _large(megapixels: int) -> bytes:
    """Return a JPEG of so many million pixels, as a telephone writes it."""
    width = int((megapixels * 1e6 * 4 / 3) ** 0.5)
    return _encode(
        PICTURE.resize((width, width * 3 // 4), Image.Resampling.BILINEAR), "JPEG", quality=50
    )


def _ftyp(brand: bytes) -> bytes:
    return b"\0\0\0\x14ftyp" + brand + b"\0\0\0\0" + brand + bytes(64)


def _text_png(num_bytes: int, profile: bool = False) -> bytes:
    data = _encode(PICTURE, "PNG")
    body = b"name\0\0" + zlib.compress(bytes(num_bytes))
    chunk = png_chunk(b"iCCP" if profile else b"zTXt", body)
    return data[:33] + chunk + data[33:]


def _shown(
    name: str,
    make: Callable[[], bytes],
    shows: Image.Image = PICTURE,
    within: float = 2.0,
    words: str = "",
) -> FileCase:
    return FileCase(name=name, make=make, shows=shows, within=within, words=words)


def _refused(name: str, make: Callable[[], bytes], words: str) -> FileCase:
    return FileCase(name=name, make=make, words=words)


_PHONES: Final = (
    _shown("photo.heic", (_FILES / "small.heic").read_bytes, _HEIC_SHOWS, 4),
    _shown("upright.heic", (_FILES / "turned.heic").read_bytes, _HEIC_SHOWS.transpose(_TURN), 4),
    _shown("burst.heic", (_FILES / "burst.heic").read_bytes, _HEIC_SHOWS, 4),
    _shown("photo.avif", _of("AVIF", quality=90), within=3),
    _shown("animated.avif", _of("AVIF", quality=90, animated=True), within=3),
    _shown("turned.jpg", _of("JPEG", exif=orientation_exif(6)), PICTURE.transpose(_TURN), 3),
    _shown("two-views.mpo", _of("MPO", animated=True), within=3),
    _shown("p3.jpg", lambda: _encode(_in_space(P3), "JPEG", quality=98, icc_profile=P3), _PALE, 3),
    _shown("50-megapixels.jpg", lambda: _large(50), within=3),
    _shown("108-megapixels.jpg", lambda: _large(108), within=3),
    _shown("200-megapixels.jpg", lambda: _large(200), within=3),
    _refused("live.mov", lambda: _ftyp(b"qt  "), "a video"),
    _refused("film.mp4", lambda: _ftyp(b"isom"), "a video"),
    _refused("away.jpg.icloud", lambda: b"bplist00" + bytes(40), "Apple property list"),
)
_CAMERAS: Final = (
    _shown("adobe.png", lambda: _encode(_in_space(ADOBE), "PNG", icc_profile=ADOBE), _PALE),
    _shown("cmyk.jpg", _of("JPEG", PICTURE.convert("CMYK"), quality=95), within=4),
    _shown("scan.tif", _of("TIFF", compression="tiff_lzw"), within=0.1),
    _shown("turned.tif", _of("TIFF", exif=orientation_exif(6)), PICTURE.transpose(_TURN), 0.1),
    _shown("jpeg-inside.tif", _of("TIFF", compression="jpeg", quality=95), within=3),
    _shown(
        "fax.tif", _of("TIFF", _GREY.convert("1"), compression="group4"), _GREY.convert("1"), 0.1
    ),
    _shown("pages.tif", _of("TIFF", animated=True), within=0.1, words="2 pages"),
    _shown("archive.jp2", _of("JPEG2000"), within=0.1),
    _refused("raw.cr2", lambda: b"II*\0\x10\0\0\0CR\2\0" + bytes(64), "a RAW photo"),
    _refused("raw.cr3", lambda: _ftyp(b"crx "), "a RAW photo"),
    _refused("layers.psd", lambda: b"8BPS\0\1" + bytes(64), "Photoshop"),
    _refused("photo.jxl", lambda: b"\xff\x0a" + bytes(64), "JPEG XL"),
)
_HOSPITALS: Final = (
    _shown("12-bit.png", _deep(4095), _GREY.convert("RGB")),
    _shown("12-bit.tif", _deep(4095, "TIFF"), _GREY.convert("RGB")),
    _shown("16-bit.tif", _deep(65535, "TIFF"), _GREY.convert("RGB")),
    _shown("10-bit-colours.png", lambda: _deep_colours(10)),
    _shown("16-bit-colours.png", lambda: _deep_colours(16)),
    _shown("float.tif", _deep(1.0, "TIFF", kind="f4"), _GREY.convert("RGB")),
    _shown("hounsfield.tif", _deep(3071, "TIFF", -1024, "i4"), ImageOps.autocontrast(_GREY)),
    _shown(
        "deep.pgm",
        lambda: (
            b"P5 64 48 4095\n" + np.rint(np.asarray(_GREY) / 255 * 4095).astype(">u2").tobytes()
        ),
        _GREY.convert("RGB"),
    ),
    _refused("slice.dcm", lambda: bytes(128) + b"DICM" + bytes(64), "a DICOM file"),
)
_WEB: Final = (
    _shown("photo.webp", _of("WEBP", quality=95), within=4),
    _shown("animated.gif", _of("GIF", animated=True), within=8),
    _shown(
        "clear.png", lambda: _encode(_half_clear(), "PNG"), Image.new("RGB", _SIZE_WH, "white"), 0.1
    ),
    _shown("favicon.ico", _of("ICO", sizes=[(16, 12), (64, 48)]), within=0.1),
    _shown("drawing.ppm", _of("PPM"), within=0.1),
    _shown("drawing.bmp", _of("BMP"), within=0.1),
    _shown("workflow.png", lambda: _text_png(3 * 2**20), within=0.1),
    _shown("large-profile.png", lambda: _text_png(3 * 2**20, profile=True), within=0.1),
    _shown("webp-as.jpg", _of("WEBP", quality=95), within=4),
    _refused("page.jpg", lambda: b"<!DOCTYPE html><html>404</html>", "an HTML page"),
    _refused("drawing.svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    _refused("paper.pdf", lambda: b"%PDF-1.7\n", "a PDF document"),
    _refused("notes.jpg", lambda: b"Katzen und Hunde", "a text file"),
    _refused(
        "pointer.jpg", lambda: b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"
    ),
)
_DAMAGED: Final = (
    _shown("no-end.jpg", lambda: _encode(_TALL, "JPEG")[:-2], _TALL, 3, "incomplete"),
    _shown(
        "cut-a-little.jpg",
        lambda: _cut(_encode(_TALL, "JPEG", quality=95), 0.9),
        _TALL,
        12,
        "incomplete",
    ),
    _refused(
        "cut-in-half.jpg", lambda: _cut(_encode(_TALL, "JPEG"), 0.6), "of its rows are missing"
    ),
    _refused("cut.png", lambda: _cut(_encode(_TALL, "PNG"), 0.7), "truncated"),
    _refused("cut.heic", lambda: _cut((_FILES / "small.heic").read_bytes(), 0.8), "truncated"),
    _refused("empty.jpg", lambda: b"", "empty"),
    _refused("zeros.jpg", lambda: bytes(4000), "a file of zeros"),
)
CASES: Final = (*_PHONES, *_CAMERAS, *_HOSPITALS, *_WEB, *_DAMAGED)
