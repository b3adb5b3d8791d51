"""Pixels written as JSON, read by numpy: 64 MB take half a second and no more memory than they have digits.

Python's lists of as many numbers would take seconds under its lock and over a gigabyte.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from service.errors import MalformedBody

_BLOCK_BYTES: Final = 2**18
_BESIDE_STRUCTURE: Final = b"0123456789 \t\r\n"
_BLANKS: Final = b" \t\r\n"
# A digit, a comma and the brackets as 0 to 3; of two neighbours the first counts four times.
_KINDS: Final = bytes.maketrans(b"0123456789,[]", bytes([0] * 10 + [1, 2, 3]))
_NEIGHBOURS: Final = bytes([0b0000, 0b0001, 0b0011, 0b0100, 0b0110, 0b1000, 0b1010, 0b1101, 0b1111])
_COMMA: Final = ord(",")
_MAX_DEPTH: Final = 8  # as many as a shape may have


def pixels_from_text(name: str, text: memoryview, *, count: int) -> npt.NDArray[np.uint8]:
    """Return the numbers of a JSON array, nested or flat, in order: (count,).

    Raises:
        MalformedBody: it is ragged, holds another number of values, or values beyond 0 to 255.
    """
    if count > len(text) // 2 + 1:  # a digit and a comma each
        raise _wrong_count(name, count, "fewer")
    structure = bytearray()
    for start in range(0, len(text), _BLOCK_BYTES):
        structure += bytes(text[start : start + _BLOCK_BYTES]).translate(None, _BESIDE_STRUCTURE)
    if structure.translate(None, b"[],"):
        raise _not_pixels(name)
    if structure.count(b",") + 1 != count:
        raise _wrong_count(name, count, f"{structure.count(b',') + 1}")
    if not _is_regular(structure):
        raise MalformedBody(f"data of input {name[:80]!r} is ragged; send rows of one length")
    values = np.empty(count, np.uint8)
    position = 0
    for block in _blocks(name, text):
        part = _numbers(name, block)
        if position + len(part) > count:
            raise _not_pixels(name)
        values[position : position + len(part)] = part
        position += len(part)
    if position != count:
        raise _not_pixels(name)
    return values


def _is_regular(structure: bytearray) -> bool:
    """Return whether brackets and commas are those of lists that are all alike at their depth."""
    depth = len(structure) - len(structure.lstrip(b"["))
    if not 0 < depth <= _MAX_DEPTH:
        return False
    item = b""  # of a number nothing is left
    for level in range(1, depth):
        times = (_first_list_end(structure, level) - (depth - level)) // (len(item) + 1)
        if times < 1:
            return False
        item = b"".join((b"[", (item + b",") * (times - 1), item, b"]"))
    end = _first_list_end(structure, depth)
    return end == len(structure) - 1 and _is_repeated(item, structure, 1, end)


def _first_list_end(structure: bytearray, level: int) -> int:
    """Return the place of the last bracket of the first list of lists, `level` deep; below 0 for none."""
    found = structure.find(b"]" * level)
    return found + level - 1 if found >= 0 else -1


def _is_repeated(item: bytes, structure: bytearray, start: int, end: int) -> bool:
    """Return whether there is nothing but the item, a comma between two, from `start` to before `end`."""
    tile = (item + b",") * max(1, _BLOCK_BYTES // (len(item) + 1))
    whole = (end - start + 1) % (len(item) + 1) == 0
    parts = range(start, end, len(tile))
    return whole and all(
        tile.startswith(structure[part : min(part + len(tile), end)]) for part in parts
    )


def _blocks(name: str, text: memoryview) -> Iterator[bytes]:
    """Yield the text in parts that end after a comma, the last one apart."""
    position = 0
    while position < len(text):
        block = bytes(text[position : position + _BLOCK_BYTES])
        if position + len(block) < len(text):
            block = block[: block.rfind(b",") + 1]
        if not block:
            raise _not_pixels(name)
        yield block
        position += len(block)


def _numbers(name: str, block: bytes) -> npt.NDArray[np.uint8]:
    """Return the numbers of a block, between any two of which there is one comma."""
    if (b"[" in block or b"]" in block) and not _brackets_stand_well(block):
        raise _not_pixels(name)
    text = np.frombuffer(b"   " + block + b" ", np.uint8)
    digits = text - ord("0")  # what is no digit wraps to 10 or more
    is_digit = digits < 10
    last = np.flatnonzero(is_digit[:-1] & ~is_digit[1:])
    commas = np.flatnonzero(text == _COMMA)
    has_tens = is_digit[last - 1]
    has_hundreds = has_tens & is_digit[last - 2]
    values = (
        digits[last].astype(np.uint16)
        + 10 * np.where(has_tens, digits[last - 1], 0)
        + 100 * np.where(has_hundreds, digits[last - 2], 0).astype(np.uint16)
    )
    too_long = has_hundreds & is_digit[last - 3]
    if too_long.any() or values.max(initial=0) > 255 or not _alternate(last, commas):
        raise _not_pixels(name)
    pixels: npt.NDArray[np.uint8] = values.astype(np.uint8)
    return pixels


def _brackets_stand_well(block: bytes) -> bool:
    """Return whether lists open before a number and close after one; a block begins after a comma."""
    kinds = np.frombuffer(block.translate(_KINDS, _BLANKS), np.uint8)
    pairs = kinds[:-1] * 4 + kinds[1:]
    return kinds[0] != 3 and not pairs.tobytes().translate(None, _NEIGHBOURS)


def _alternate(numbers: npt.NDArray[np.intp], commas: npt.NDArray[np.intp]) -> bool:
    """Return whether a comma follows each number, except perhaps the last, and comes nowhere else."""
    size = len(commas)
    return (
        len(numbers) - size in (0, 1)
        and bool((numbers[:size] < commas).all())
        and bool((commas[: len(numbers) - 1] < numbers[1:]).all())
    )


def _wrong_count(name: str, count: int, found: str) -> MalformedBody:
    return MalformedBody(f"input {name[:80]!r} needs {count} values by its shape, got {found}")


def _not_pixels(name: str) -> MalformedBody:
    return MalformedBody(f"data of input {name[:80]!r} must be integers of 0 to 255")
