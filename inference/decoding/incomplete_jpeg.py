"""A JPEG that ends too early: what is missing is filled as libjpeg does, and refused where it is much.

Downloads and uploads break off, cards are pulled out, programs forget the end marker. libjpeg then repeats
the last colour; viewers show that.
"""

import io
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import numpy as np
from PIL import JpegImagePlugin

from inference.decoding.jpeg_header import scans_of

# Of the rows, at the bottom. In a progressive file each scan has all rows: there the scans that are whole
# have to hold all frequencies of all colours, if coarsely.
MAX_MISSING_SHARE: Final = 0.2
_END: Final = b"\xff\xd9"
# No encoder gives a row of it.
_UNWRITTEN: Final = 1, 254, 2, 253


def with_end(data: bytes) -> bytes:
    """Return the file with an end marker."""
    return data + _END


def missing_share(data: bytes, draft_wh: tuple[int, int] | None) -> float:
    """Return the share of rows, 0 to 1, that a JPEG without its end lacks.

    Args:
        data: the file.
        draft_wh: as for Pillow's `draft`, to decode at a fraction of the size; None for the whole.
    """
    scans = scans_of(data)
    if scans is not None:
        return 0.0 if _hold_all_frequencies(scans[:-1]) else 1.0
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    if draft_wh is not None:
        image.draft(None, draft_wh)
    image.load_prepare()
    unwritten = _UNWRITTEN[: len(image.getbands())]
    image.im.paste(unwritten if len(unwritten) > 1 else unwritten[0], (0, 0, *image.size))
    with suppress(OSError):
        image.load()
    image.tile = []
    rows = np.asarray(image).reshape(image.height, image.width, -1)
    written = np.flatnonzero((rows != unwritten).any(axis=(1, 2)))
    return 1 - (int(written[-1]) + 1 if written.size else 0) / image.height


def _hold_all_frequencies(scans: Sequence[bytes]) -> bool:
    missing: dict[int, set[int]] = {}
    for scan in scans:
        count = scan[0] if scan else 0
        components, band = scan[1 : 1 + 2 * count : 2], scan[1 + 2 * count : 3 + 2 * count]
        for component in components:
            left = missing.setdefault(component, set(range(64)))
            left.difference_update(range(band[0], band[1] + 1) if len(band) == 2 else ())
    return bool(missing) and not any(missing.values())
