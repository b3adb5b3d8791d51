"""Which image formats are accepted, told by the first bytes of a file and never by its name."""

from collections.abc import Mapping
from typing import Final

from inference.errors import UndecodableImage, UnsupportedFormat

# Pillow format name -> media type. An allow-list: Pillow opens some forty formats, among them
# PostScript and PDF, whose decoders have been the door for attacks.
ACCEPTED_FORMATS: Final[Mapping[str, str]] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}

IMAGE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp"}
)

_MAGIC: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
)

# Named so that a person is told what the file is, not only what it is not.
_KNOWN_OTHERS: Final = (
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"8BPS", "Photoshop"),
    (b"\x00\x00\x01\x00", "Windows icon"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
)


def sniff_format(data: bytes) -> str:
    """Return the Pillow format name (`"JPEG"`, …) of an encoded image.

    Raises:
        UndecodableImage: `data` is empty.
        UnsupportedFormat: the first bytes belong to no accepted format.
    """
    if not data:
        raise UndecodableImage("image is empty (0 bytes); replace it with the whole file")
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    accepted = ", ".join(ACCEPTED_FORMATS)
    raise UnsupportedFormat(
        f"file is {_describe(data)}, not an accepted image; convert it to one of {accepted}"
    )


def _describe(data: bytes) -> str:
    for magic, name in _KNOWN_OTHERS:
        if data.startswith(magic):
            return f"a {name} file"
    if data[4:8] == b"ftyp":
        return "an ISO media file (HEIC, AVIF or video)"
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head")):
        return "an HTML page"
    if head.startswith((b"<svg", b"<?xml")):
        return "an SVG or XML file"
    return "of an unknown type"
