"""Which image formats are accepted, told by the first bytes of a file and never by its name."""

from collections.abc import Mapping
from typing import Final

from inference.errors import UndecodableImage, UnsupportedFormat
from inference.file_kinds import KIND_BYTES, file_kind, read_format

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
    raise UnsupportedFormat(
        f"file is {kind.described}, not an accepted image; convert it to one of "
        f"{', '.join(ACCEPTED_FORMATS)}"
    )
