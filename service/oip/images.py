"""Encoded images in an input of BYTES: one element an image, shape (N) or (N, 1)."""

import struct
from collections.abc import Sequence
from typing import Any, Final

from service.bodies.uploads import Upload
from service.errors import MalformedBody

_LENGTH: Final = struct.Struct("<I")


def images_from_list(name: str, shape: Sequence[int], data: Any) -> list[Upload]:
    """Take images from JSON, where each is base64 text.

    Raises:
        MalformedBody: not as many texts as `shape` says.
    """
    texts = (
        [text for row in data for text in (row if isinstance(row, list) else [row])]
        if (isinstance(data, list))
        else []
    )
    if not all(isinstance(text, str) for text in texts):
        raise MalformedBody(f"data of input {name[:80]!r} must be base64 texts, one an image")
    _check_count(name, shape, len(texts))
    return [Upload(filename=None, content=text) for text in texts]


def images_from_bytes(name: str, shape: Sequence[int], data: memoryview) -> list[Upload]:
    """Take images from raw bytes, each after its length (uint32, little-endian).

    Raises:
        MalformedBody: a length goes beyond the end, or not as many images as `shape` says.
    """
    images, position = [], 0
    while position < len(data):
        start = position + _LENGTH.size
        end = start + _LENGTH.unpack_from(data, position)[0] if start <= len(data) else start
        if end > len(data):
            raise MalformedBody(f"an image of input {name[:80]!r} is longer than the bytes sent")
        images.append(Upload(filename=None, content=bytes(data[start:end])))
        position = end
    _check_count(name, shape, len(images))
    return images


def _check_count(name: str, shape: Sequence[int], count: int) -> None:
    if list(shape) not in ([count], [count, 1]):
        raise MalformedBody(
            f"input {name[:80]!r} of encoded images has shape {list(shape)}, must be [{count}] or "
            f"[{count}, 1] for the {count} images sent"
        )
