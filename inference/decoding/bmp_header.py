"""The header of a BMP. Its run-length codes are decoded in Python, pixel by pixel in the worst case."""

import struct
from typing import Final

from inference.decoding.header import RGB_BYTES, Header

_RUN_LENGTH: Final = frozenset({1, 2})
_OLD_HEADER_BYTES: Final = 12
_S_A_BYTE: Final = 1e-9
_S_A_PIXEL: Final = 4e-9
_RUN_LENGTH_S_A_BYTE: Final = 400e-9
_RUN_LENGTH_S_A_PIXEL: Final = 150e-9


def read_bmp_header(data: bytes, _shorter_px: int | None = None) -> Header | None:
    """Return the header; None for a file without one."""
    if len(data) < 34:
        return None
    if int.from_bytes(data[14:18], "little") == _OLD_HEADER_BYTES:
        (width, height), compression = struct.unpack_from("<HH", data, 18), 0
    else:
        width, height = struct.unpack_from("<Ii", data, 18)
        height = abs(height)
        compression = int.from_bytes(data[30:34], "little")
    num_pixels = width * height
    is_run_length = compression in _RUN_LENGTH
    seconds = len(data) * (_RUN_LENGTH_S_A_BYTE if is_run_length else _S_A_BYTE)
    seconds += num_pixels * (_RUN_LENGTH_S_A_PIXEL if is_run_length else _S_A_PIXEL)
    return Header(size_wh=(width, height), seconds=seconds, memory_bytes=num_pixels * 2 * RGB_BYTES)
