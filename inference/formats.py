"""Which image formats are accepted, told by the first bytes of a file and never by its name."""

from collections.abc import Mapping
from typing import Final

from inference.errors import UndecodableImage, UnsupportedFormat
from inference.file_kinds import KIND_BYTES, file_kind, read_format

# The decoder's name for a format (Pillow's, where Pillow reads it) -> media type. An allow-list: Pillow opens
# some forty formats, among them PostScript and PDF, whose decoders have been the door for attacks.
ACCEPTED_FORMATS: Final[Mapping[str, str]] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "HEIF": "image/heic",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "JPEG2000": "image/jp2",
    "ICO": "image/x-icon",
    "PPM": "image/x-portable-anymap",
}

IMAGE_SUFFIXES: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp"),
        *(".heic", ".heif", ".hif", ".avif", ".tif", ".tiff", ".jp2", ".j2k", ".jpf", ".jpx"),
        *(".ico", ".ppm", ".pgm", ".pbm", ".pnm"),
    }
)


def sniff_format(data: bytes) -> str:
    """Return the Pillow format name (`"JPEG"`, …) of an encoded image.

    Raises:
        UndecodableImage: `data` is empty.
        UnsupportedFormat: the first bytes belong to no accepted format.
    """
    if not data:
        raise UndecodableImage("image is empty (0 bytes); replace it with the whole file")
    image_format = read_format(data)
    if image_format is not None:
        return image_format
    kind = file_kind(data[:KIND_BYTES])
    remedy = "save the picture as JPEG or PNG" if kind.holds_picture else "replace it with an image"
    raise UnsupportedFormat(f"this is {kind.described}, not an accepted image; {remedy}")
