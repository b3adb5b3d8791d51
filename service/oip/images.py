"""Encoded images in an input of BYTES: one element an image, shape (N) or (N, 1)."""

import struct
from collections.abc import Sequence
from typing import Any, Final

from service.bodies.encoded_text import EncodedText
from service.bodies.json_skeleton import CutJson
from service.bodies.uploads import Upload
from service.errors import MalformedBody

_LENGTH: Final = struct.Struct("<I")


def images_from_list(name: str, shape: Sequence[int], data: Any, cut: CutJson) -> list[Upload]:
    """Take images from JSON, where each is base64 text.

    Raises:
        MalformedBody: not as many texts as `shape` says.
    """
    if not isinstance(data, list):
        raise MalformedBody(f"data of input {name[:80]!r} must be base64 texts, one an image")
    texts = [text for row in data for text in (row if isinstance(row, list) else [row])]
    images = [Upload(filename=None, content=_encoded_text(name, text, cut)) for text in texts]
    _check_count(name, shape, len(images))
    return images


def images_from_bytes(name: str, shape: Sequence[int], data: memoryview) -> list[Upload]:
    """Take images from raw bytes, each after its length (uint32, little-endian).

    Raises:
        MalformedBody: a length goes beyond the end, or not as many images as `shape` says.
    """
    _check_count(name, shape, shape[0])
    images: list[Upload] = []
    position = 0
    for _ in range(shape[0]):
        start = position + _LENGTH.size
        end = start + _LENGTH.unpack_from(data, position)[0] if start <= len(data) else start
        if end > len(data):
            raise MalformedBody(
                f"image {len(images)} of input {name[:80]!r} is longer than the bytes sent"
            )
        images.append(Upload(filename=None, content=bytes(data[start:end])))
        position = end
    if position != len(data):
        raise MalformedBody(
            f"{len(data) - position} bytes follow the {len(images)} images of input {name[:80]!r}"
        )
    return images


def _encoded_text(name: str, value: Any, cut: CutJson) -> EncodedText:
    found = cut.take(value)
    if found is not None and found.kind == "text":
        return EncodedText(found.json, escaped=True)
    if found is None and isinstance(value, str):
        return EncodedText(value.encode("utf-8", "replace"))
    raise MalformedBody(f"data of input {name[:80]!r} must be base64 texts, one an image")


def _check_count(name: str, shape: Sequence[int], count: int) -> None:
    if list(shape) not in ([count], [count, 1]):
        raise MalformedBody(
            f"input {name[:80]!r} of encoded images has shape {list(shape)}, must be [{count}] or "
            f"[{count}, 1] for the {count} images sent"
        )
