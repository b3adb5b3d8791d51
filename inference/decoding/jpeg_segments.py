"""The segments of a JPEG file: what stands between its first marker and its image data."""

from typing import Final

_START_OF_SCAN: Final = 0xDA
# APP0 is JFIF; APP14 is Adobe's and says how the colours are coded. The others (EXIF, colour
# profiles, further images, vendors' notes) do not change the pixels.
_METADATA: Final = frozenset(range(0xE1, 0xF0)) - {0xEE}


def without_metadata(jpeg: bytes) -> bytes:
    """Return a JPEG file without its metadata segments; the image data stays as it is.

    From the first place that is no segment on, the bytes are kept as they are.
    """
    kept, position = [jpeg[:2]], 2
    while len(jpeg) >= position + 4 and jpeg[position] == 0xFF:
        marker = jpeg[position + 1]
        length = int.from_bytes(jpeg[position + 2 : position + 4], "big")
        if marker == _START_OF_SCAN or length < 2:
            break
        end = position + 2 + length
        if marker not in _METADATA:
            kept.append(jpeg[position:end])
        position = end
    return b"".join([*kept, jpeg[position:]])
