"""Compressed bodies, unpacked piece by piece, so that a small one cannot become a large one at once."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

from service.errors import MalformedBody, UnsupportedBody

# What is unpacked between two looks at the limits and at other requests: a few milliseconds.
_PIECE_BYTES: Final = 2**20
# gzip's header or zlib's, whichever is there. `deflate` means the latter, and some send neither.
_ANY_HEADER: Final = 32 + zlib.MAX_WBITS
_NO_HEADER: Final = -zlib.MAX_WBITS
_ZLIB_METHOD: Final = 8
_READ: Final = frozenset({"gzip", "x-gzip", "deflate"})


def content_encoding(header: str | None) -> str | None:
    """Return the encoding that a body is to be unpacked from, None where it is not packed.

    Raises:
        UnsupportedBody: an encoding that is not read, or several.
    """
    encoding = (header or "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in _READ:
        raise UnsupportedBody(
            f"content encoding {encoding[:40]!r} is not read; send the body as gzip or uncompressed"
        )
    return encoding


async def unpacked(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """Yield what was compressed, at most 1 MiB at a time. Whoever reads it keeps the limit.

    Raises:
        MalformedBody: it is not what `encoding` says, is cut, or goes on after its end.
    """
    unpacker = None
    async for chunk in chunks:
        if unpacker is None:
            unpacker = _Unpacker(encoding, chunk)
        for piece in unpacker.pieces(chunk):
            yield piece
            await asyncio.sleep(0)
    if unpacker is not None:
        unpacker.check_end()


class _Unpacker:
    def __init__(self, encoding: str, first: bytes) -> None:
        raw = encoding == "deflate" and first[0] & 0x0F != _ZLIB_METHOD
        self._zlib = zlib.decompressobj(_NO_HEADER if raw else _ANY_HEADER)
        self._encoding = encoding

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._zlib.eof:
            raise self._wrong("goes on after its end")
        while True:
            try:
                piece = self._zlib.decompress(data, _PIECE_BYTES)
            except zlib.error as err:
                raise self._wrong("is not that") from err
            if piece:
                yield piece
            data = self._zlib.unconsumed_tail
            # A piece that is full may have left more within zlib, even where all bytes were taken.
            if self._zlib.eof or not (data or len(piece) == _PIECE_BYTES):
                break
        if self._zlib.unused_data:
            raise self._wrong("goes on after its end")

    def check_end(self) -> None:
        if not self._zlib.eof:
            raise self._wrong("ends too early")

    def _wrong(self, what: str) -> MalformedBody:
        return MalformedBody(
            f"the body, by its header {self._encoding}, {what}; send all of it, as one stream"
        )
