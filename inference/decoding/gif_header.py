"""The header of a GIF, up to its first image: what stands before it is read block by block in Python."""

from typing import Final

from inference.decoding.header import RGB_BYTES, Header, too_many

_SCREEN_BYTES: Final = 13
_DESCRIPTOR_BYTES: Final = 10
# XMP in a GIF is some 100 blocks for 10 kB; comments have fewer.
_MAX_BLOCKS: Final = 20_000
_EXTENSION: Final = 0x21
_COMMENT: Final = 0xFE
_APPLICATION: Final = 0xFF
_IMAGE: Final = 0x2C
_END: Final = 0x3B

_S_A_BYTE: Final = 20e-9
_S_A_PIXEL: Final = 8e-9


def read_gif_header(data: bytes, _shorter_px: int | None = None) -> Header | None:
    """Return the header; None for a file without an image.

    Raises:
        UndecodableImage: more blocks before the first image than an honest file has.
    """
    if len(data) < _SCREEN_BYTES:
        return None
    width, height = (int.from_bytes(data[at : at + 2], "little") for at in (6, 8))
    at = _first_image(data, _SCREEN_BYTES + _palette_bytes(data[10]))
    if at is None:
        return None
    left, top, own_width, own_height = (
        int.from_bytes(data[at + n : at + n + 2], "little") for n in (1, 3, 5, 7)
    )
    size_wh = (max(width, left + own_width), max(height, top + own_height))
    num_pixels = size_wh[0] * size_wh[1]
    return Header(
        size_wh=size_wh,
        seconds=len(data) * _S_A_BYTE + num_pixels * _S_A_PIXEL,
        memory_bytes=num_pixels * (1 + RGB_BYTES),
    )


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _first_image(data: bytes, position: int) -> int | None:
    """Return where the first image's descriptor is, by the steps that Pillow takes."""
    blocks = _Blocks(data)
    while position + _DESCRIPTOR_BYTES <= len(data) and data[position] != _END:
        if data[position] == _IMAGE:
            return position
        if data[position] == _EXTENSION:
            position = blocks.after_extension(position + 1)
        else:
            position = blocks.after_junk(position)
    return None


class _Blocks:
    """Steps over blocks and junk, and counts them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._steps = 0

    def after_junk(self, position: int) -> int:
        self._count()
        return position + 1

    def after_extension(self, position: int) -> int:
        self._count()
        label = self._data[position]
        position += 1
        if label != _COMMENT:
            # What an empty first block ends for others goes on for Pillow.
            block = self._data[position + 1 : position + 12]
            position = self._after_block(position)
            if label == _APPLICATION and block == b"NETSCAPE2.0":
                position = self._after_block(position)
        while position < len(self._data) and self._data[position]:
            position = self._after_block(position)
        return position + 1

    def _after_block(self, position: int) -> int:
        self._count()
        return position + 1 + (self._data[position] if position < len(self._data) else 0)

    def _count(self) -> None:
        self._steps += 1
        if self._steps > _MAX_BLOCKS:
            raise too_many("blocks before its image", "GIF")
