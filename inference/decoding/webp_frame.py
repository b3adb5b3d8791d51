"""The first frame of a WebP, decoded into one buffer of ours.

Pillow has libwebp's decoder for animations decode everything: two canvases, a copy as bytes and the image
make 800 MB of 50 million pixels, under Python's lock. These calls go to the same library that Pillow
loaded, so that the pixels are the same.
"""

import ctypes
from functools import cache
from typing import Final

import numpy as np
from PIL import Image

from inference.decoding.webp_header import is_still

_CHANNELS: Final = {"RGB": 3, "RGBA": 4}
_FUNCTIONS: Final = {"RGB": "WebPDecodeRGBInto", "RGBA": "WebPDecodeRGBAInto"}
_FRAME_HEADER_BYTES: Final = 16
_CHUNK_HEADER_BYTES: Final = 8
_VP8X_BYTES: Final = 10
_FIRST_CHUNK: Final = 12


def decode_first_frame(data: bytes, opened: Image.Image) -> Image.Image | None:
    """Return the first frame on its canvas, in the mode that Pillow `opened` the file with.

    None where it cannot be had in this way: Pillow's library cannot be called, or does not take the
    file.
    """
    library = _library()
    if library is None or opened.mode not in _CHANNELS:
        return None
    if is_still(data):
        return _decode(library, data, opened.size, opened.mode)
    found = _first_frame(data)
    if found is None:
        return None
    still, offset_xy, size_wh = found
    frame = _decode(library, still, size_wh, opened.mode)
    if frame is None or (offset_xy, size_wh) == ((0, 0), opened.size):
        return frame
    canvas = Image.new(opened.mode, opened.size)
    canvas.paste(frame, offset_xy)
    return canvas


@cache
def _library() -> ctypes.CDLL | None:
    try:
        from PIL import _webp

        # A name is looked up in a library and in those that it needs, among them libwebp.
        library = ctypes.CDLL(_webp.__file__)
        for name in _FUNCTIONS.values():
            function = getattr(library, name)
            function.restype = ctypes.c_void_p
            function.argtypes = [
                ctypes.c_char_p,
                ctypes.c_size_t,
                ctypes.c_void_p,
                ctypes.c_size_t,
                ctypes.c_int,
            ]
    except (ImportError, OSError, AttributeError):
        return None  # Windows' Pillow has libwebp inside and shows none of its names
    return library


def _decode(
    library: ctypes.CDLL, data: bytes, size_wh: tuple[int, int], mode: str
) -> Image.Image | None:
    width, height = size_wh
    pixels = np.empty((height, width, _CHANNELS[mode]), dtype=np.uint8)
    function = getattr(library, _FUNCTIONS[mode])
    if not function(data, len(data), pixels.ctypes.data, pixels.nbytes, pixels.strides[0]):
        return None
    if mode == "RGBA":  # Pillow's own layout: no copy
        return Image.frombuffer(mode, size_wh, pixels, "raw", mode, 0, 1)
    return Image.frombytes(mode, size_wh, pixels)


def _first_frame(data: bytes) -> tuple[bytes, tuple[int, int], tuple[int, int]] | None:
    """Return the first frame of an animation as a still WebP, its place and its size."""
    position = _FIRST_CHUNK
    while position + _CHUNK_HEADER_BYTES <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        start = position + _CHUNK_HEADER_BYTES
        if data[position : position + 4] == b"ANMF":
            return _as_still(data[start : start + length])
        position = start + length + length % 2
    return None


def _as_still(frame: bytes) -> tuple[bytes, tuple[int, int], tuple[int, int]]:
    x, y, width, height = (int.from_bytes(frame[at : at + 3], "little") for at in (0, 3, 6, 9))
    alpha = b"\x10" if frame[_FRAME_HEADER_BYTES:].startswith(b"ALPH") else b"\0"
    extended = b"VP8X" + _VP8X_BYTES.to_bytes(4, "little") + alpha + bytes(3) + frame[6:12]
    body = b"WEBP" + extended + frame[_FRAME_HEADER_BYTES:]
    still = b"RIFF" + len(body).to_bytes(4, "little") + body
    return still, (2 * x, 2 * y), (width + 1, height + 1)
