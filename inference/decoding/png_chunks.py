"""A PNG without what is no picture: texts, and colour profiles that unpack to more than is read."""

import struct
import zlib
from typing import Final

from inference.decoding.colour_profile import MAX_PROFILE_BYTES

_CHUNK: Final = struct.Struct(">I4s")
_FIRST_CHUNK: Final = 8
_FRAME_BYTES: Final = 12
_TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})


def without_texts(png: bytes) -> bytes:
    """Return the file without texts, and without a colour profile that is too large.

    The picture and what is known of its orientation (`eXIf`) stay as they are.
    """
    kept, position, has_profile = [png[:_FIRST_CHUNK]], _FIRST_CHUNK, False
    while position + _CHUNK.size <= len(png):
        length, kind = _CHUNK.unpack_from(png, position)
        end = position + _FRAME_BYTES + length
        is_profile = kind == b"iCCP"
        if kind not in _TEXTS and not (
            is_profile and (has_profile or _is_large(png[position + 8 : end - 4]))
        ):
            kept.append(png[position:end])
        has_profile, position = has_profile or is_profile, end
    return b"".join(kept)


def _is_large(profile_chunk: bytes) -> bool:
    if len(profile_chunk) > MAX_PROFILE_BYTES:
        return True
    packed = profile_chunk.partition(b"\0")[2][1:]
    try:
        unpacked = zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES)
    except zlib.error:
        return True
    return len(unpacked) >= MAX_PROFILE_BYTES
