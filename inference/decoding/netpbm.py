"""PBM, PGM and PPM, whose samples NumPy reads as they stand; Pillow works through most of them in Python."""

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.decoding.header import RGB_BYTES, Header

_CHANNELS: Final = {1: 1, 2: 1, 3: 3, 4: 1, 5: 1, 6: 3}
_PLAIN: Final = frozenset({1, 2, 3})
_BITMAP: Final = frozenset({1, 4})
_HIGHEST: Final = 65_535
# Numbers with blanks and comments between them, of which honest headers have some 100 bytes.
_MAX_HEADER_BYTES: Final = 4096
_BLANK: Final = rb"(?:[ \t\r\n\v\f]|#[^\r\n]*[\r\n])+"
_NUMBER: Final = re.compile(_BLANK + rb"(\d{1,9})")
_COMMENT: Final = re.compile(rb"#[^\r\n]*")

_S_A_BYTE_OF_TEXT: Final = 120e-9
_S_A_SAMPLE: Final = 12e-9


@dataclass(frozen=True, slots=True)
class _Start:
    kind: int
    size_wh: tuple[int, int]
    highest: int
    body_at: int

    @property
    def num_samples(self) -> int:
        return self.size_wh[0] * self.size_wh[1] * _CHANNELS[self.kind]


def read_netpbm_header(data: bytes, _shorter_px: int | None = None) -> Header | None:
    """Return the header; None for a file without one."""
    start = _read_start(data)
    if start is None:
        return None
    seconds = start.num_samples * _S_A_SAMPLE
    memory_bytes = start.size_wh[0] * start.size_wh[1] * 2 * RGB_BYTES
    memory_bytes += start.num_samples * 4
    if start.kind in _PLAIN:
        seconds += len(data) * _S_A_BYTE_OF_TEXT
        memory_bytes += len(data) * 24  # a Python object for each number
    return Header(size_wh=start.size_wh, seconds=seconds, memory_bytes=memory_bytes)


def decode_netpbm(data: bytes) -> Image.Image:
    """Return the first image of the file, in mode "RGB" or "L", scaled from its own highest value to 255.

    Raises:
        ValueError: it is cut short, or its header or numbers cannot be read.
    """
    start = _read_start(data)
    if start is None:
        raise ValueError("no header")
    width, height = start.size_wh
    samples: npt.NDArray[Any]
    if start.kind in _PLAIN:
        samples = _numbers(data[start.body_at :], start)
    elif start.kind in _BITMAP:
        row_bytes = -(-width // 8)
        packed = np.frombuffer(data, np.uint8, row_bytes * height, start.body_at)
        samples = np.unpackbits(packed.reshape(height, row_bytes), axis=1)[:, :width]
    else:
        kind = np.dtype(np.uint8 if start.highest < 256 else ">u2")
        samples = np.frombuffer(data, kind, start.num_samples, start.body_at)
    if start.kind in _BITMAP:
        samples = 1 - np.minimum(samples, 1)  # one is black
    shape = (height, width, 3) if _CHANNELS[start.kind] == 3 else (height, width)
    return Image.fromarray(_to_8_bits(samples, start.highest).reshape(shape))


def _read_start(data: bytes) -> _Start | None:
    head = data[:_MAX_HEADER_BYTES]
    kind, position, numbers = head[1] - ord("0"), 2, []
    for _ in range(2 if kind in _BITMAP else 3):
        found = _NUMBER.match(head, position)
        if found is None:
            return None
        numbers.append(int(found[1]))
        position = found.end()
    width, height = numbers[:2]
    highest = 1 if kind in _BITMAP else numbers[2]
    if not 1 <= highest <= _HIGHEST:
        return None
    return _Start(kind, (width, height), highest, position + 1)


def _numbers(text: bytes, start: _Start) -> npt.NDArray[Any]:
    samples: npt.NDArray[Any]
    text = _COMMENT.sub(b"", text)
    if start.kind in _BITMAP:  # its digits need no blanks between them
        digits = np.frombuffer(text, np.uint8)
        samples = digits[(digits == ord("0")) | (digits == ord("1"))] - ord("0")
    else:
        samples = np.array(text.split(None, start.num_samples)[: start.num_samples], dtype="S6")
        samples = samples.astype(np.uint32)
    if samples.size < start.num_samples:
        raise ValueError("too few numbers")
    return samples[: start.num_samples].clip(0, _HIGHEST)


def _to_8_bits(samples: npt.NDArray[Any], highest: int) -> npt.NDArray[np.uint8]:
    if highest == 255:
        return samples.astype(np.uint8)
    scaled = (samples.astype(np.uint32) * 255 + highest // 2) // highest
    return np.minimum(scaled, 255).astype(np.uint8)
