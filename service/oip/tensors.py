"""Tensors between their three forms: JSON lists, raw bytes, numpy arrays."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.bodies.json_skeleton import CutJson
from service.errors import MalformedBody
from service.oip.number_text import pixels_from_text

UINT8: Final = "UINT8"
FP32: Final = "FP32"
BYTES: Final = "BYTES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A named array. `values` is uint8, float32, or (BYTES) an array of `bytes` objects."""

    name: str
    datatype: str
    values: npt.NDArray[Any]

    @property
    def shape(self) -> list[int]:
        """The tensor's shape."""
        return list(self.values.shape)

    def as_list(self) -> list[Any]:
        """Return the values row by row as one flat list; BYTES as text."""
        if self.datatype == BYTES:
            return [value.decode() for value in self.values.ravel()]
        flat: list[Any] = self.values.ravel().tolist()
        return flat

    def as_bytes(self) -> bytes:
        """Return the values row by row, little-endian; each of BYTES after its length (uint32)."""
        if self.datatype == BYTES:
            return b"".join(struct.pack("<I", len(v)) + v for v in self.values.ravel())
        return self.values.astype(self.values.dtype.newbyteorder("<"), copy=False).tobytes()


def uint8_from_list(
    name: str, shape: Sequence[int], data: Any, cut: CutJson
) -> npt.NDArray[np.uint8]:
    """Build a uint8 array from nested or flat JSON lists.

    Raises:
        MalformedBody: not as many integers of 0..255 as `shape` says.
    """
    found = cut.take(data)
    if found is not None and found.kind == "numbers":
        return pixels_from_text(name, found.json, count=math.prod(shape)).reshape(shape)
    try:
        values = np.asarray(data)
    except (ValueError, OverflowError) as err:
        raise MalformedBody(f"data of input {name!r} is ragged; send rows of one length") from err
    if values.dtype.kind not in "iu" or values.min(initial=0) < 0 or values.max(initial=0) > 255:
        raise MalformedBody(f"data of input {name!r} must be integers of 0 to 255")
    _check_count(name, shape, values.size)
    return values.astype(np.uint8).reshape(shape)


def uint8_from_bytes(name: str, shape: Sequence[int], data: memoryview) -> npt.NDArray[np.uint8]:
    """Build a uint8 array on top of raw bytes, without a copy.

    Raises:
        MalformedBody: not as many bytes as `shape` says.
    """
    _check_count(name, shape, len(data))
    return np.frombuffer(data, np.uint8).reshape(shape)


def _check_count(name: str, shape: Sequence[int], count: int) -> None:
    # Python's integers do not overflow, whatever the shape says.
    if math.prod(shape) != count:
        raise MalformedBody(
            f"input {name!r} of shape {list(shape)} needs {math.prod(shape)} values, got {count}"
        )
