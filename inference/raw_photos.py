"""Which TIFF files are a camera's raw photo: their first page is a thumbnail or the sensor's own mosaic."""

from typing import Final

_STARTS: Final = {b"II*\0": "little", b"MM\0*": "big"}
_ENTRY_BYTES: Final = 12
_MAX_ENTRIES: Final = 200

_NEW_SUBFILE_TYPE: Final = 0x00FE
_COMPRESSION: Final = 0x0103
_PHOTOMETRIC: Final = 0x0106
_SUB_IFDS: Final = 0x014A
_DNG_VERSION: Final = 0xC612
_SENSOR: Final = frozenset({32803, 34892})  # colour filter array, linear raw
_NEF_COMPRESSION: Final = 34713


def is_raw_photo(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a DNG, CR2, NEF, ARW, PEF or the like."""
    order = _STARTS.get(head[:4])
    if order is None:
        return False
    if head[8:10] == b"CR":  # Canon's CR2
        return True
    tags = _first_page(head, order == "big")
    return (
        _DNG_VERSION in tags
        or tags.get(_PHOTOMETRIC) in _SENSOR
        or tags.get(_COMPRESSION) == _NEF_COMPRESSION
        or (tags.get(_NEW_SUBFILE_TYPE) == 1 and _SUB_IFDS in tags)
    )


def _first_page(head: bytes, is_big: bool) -> dict[int, int]:
    """Return the first page's tags, each with its value where that is one number."""

    def number(at: int, length: int) -> int:
        return int.from_bytes(head[at : at + length], "big" if is_big else "little")

    start = number(4, 4)
    tags = {}
    for index in range(min(number(start, 2), _MAX_ENTRIES)):
        at = start + 2 + index * _ENTRY_BYTES
        is_short = number(at + 2, 2) == 3
        tags[number(at, 2)] = number(at + 8, 2 if is_short else 4)
    return tags
