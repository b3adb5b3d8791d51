"""Windows icons: several pictures in one file, of which the largest is taken; mostly it is a PNG."""

import struct
from typing import Final

from inference.decoding.header import RGB_BYTES, Header, too_many

_START_BYTES: Final = 6
_ENTRY: Final = struct.Struct("<BBBBHHII")
_MAX_PICTURES: Final = 1_000
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_S_A_PIXEL: Final = 80e-9


def picture_of_icon(data: bytes) -> bytes:
    """Return the largest picture of an icon: a PNG file, or an icon of this one picture.

    What has no such picture is returned as it is.

    Raises:
        UndecodableImage: more pictures than an honest file has.
    """
    count = int.from_bytes(data[4:6], "little")
    if count > _MAX_PICTURES:
        raise too_many("pictures", "ICO")
    places = range(_START_BYTES, min(_START_BYTES + count * _ENTRY.size, len(data) - 15), 16)
    entries = [_ENTRY.unpack_from(data, at) for at in places]
    if not entries:
        return data
    width, height, colours, reserved, planes, bits, num_bytes, offset = max(entries, key=_rank)
    picture = data[offset : offset + num_bytes]
    if picture.startswith(_PNG):
        return picture
    place = _START_BYTES + _ENTRY.size
    fields = (width, height, colours, reserved, planes, bits, len(picture), place)
    return data[:4] + b"\1\0" + _ENTRY.pack(*fields) + picture


def read_icon_header(data: bytes, _shorter_px: int | None = None) -> Header | None:
    """Return the header of an icon of one picture that is no PNG; None for one without."""
    start = _START_BYTES + _ENTRY.size
    if len(data) < start + 16:
        return None
    width, height = struct.unpack_from("<ii", data, start + 4)
    # The picture, and below it which of its pixels are transparent.
    size_wh = (abs(width), abs(height) // 2)
    entry_wh = (data[6] or 256, data[7] or 256)
    num_pixels = max(size_wh[0] * size_wh[1], entry_wh[0] * entry_wh[1])
    return Header(
        size_wh=size_wh if num_pixels == size_wh[0] * size_wh[1] else entry_wh,
        seconds=len(data) * 2e-9 + num_pixels * _S_A_PIXEL,
        memory_bytes=num_pixels * 4 * RGB_BYTES,
    )


def _rank(entry: tuple[int, ...]) -> tuple[int, int]:
    width, height, colours, _, _, bits, *_ = entry
    return (width or 256) * (height or 256), bits or (8 if colours else 32)
