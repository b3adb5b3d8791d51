"""GIF: the frames, and how long each is shown; comments and applications' blocks are left out."""

from typing import Final

from service.collect.stripping.parts import UPRIGHT, CannotStrip

_SCREEN_BYTES: Final = 13
_FRAME_BYTES: Final = 10
_EXTENSION: Final = 0x21
_FRAME: Final = 0x2C
_END: Final = 0x3B
_GRAPHIC_CONTROL: Final = 0xF9
_APPLICATION: Final = 0xFF


def may_be_turned(data: bytes) -> bool:
    """Return whether there is metadata that could turn the image: Adobe's, in an application's block."""
    return bytes([_EXTENSION, _APPLICATION]) in data


def strip(data: bytes, orientation: int) -> bytes:
    """Return the file without metadata.

    Raises:
        CannotStrip: it is cut short or not made of blocks, or it is turned, which only metadata can say.
    """
    if orientation != UPRIGHT:
        raise CannotStrip("GIF: turned by its metadata")
    position = _SCREEN_BYTES + _palette_bytes(data, _SCREEN_BYTES - 3)
    parts = [data[:position]]
    while (kind := _byte(data, position)) != _END:
        if kind == _EXTENSION:
            end = _end_of_pieces(data, position + 2)
            if _byte(data, position + 1) == _GRAPHIC_CONTROL:
                parts.append(data[position:end])
        elif kind == _FRAME:
            start = position + _FRAME_BYTES + _palette_bytes(data, position + 9)
            end = _end_of_pieces(data, start + 1)  # behind the width of its codes
            parts.append(data[position:end])
        else:
            raise CannotStrip(f"GIF: block {kind:#x}")
        position = end
    return b"".join([*parts, bytes([_END])])


def _palette_bytes(data: bytes, flags_at: int) -> int:
    flags = _byte(data, flags_at)
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _end_of_pieces(data: bytes, position: int) -> int:
    while length := _byte(data, position):
        position += 1 + length
    return position + 1


def _byte(data: bytes, position: int) -> int:
    if position >= len(data):
        raise CannotStrip("GIF: it ends before its last block")
    return data[position]
