"""A JPEG that ends too early: what is missing is filled as libjpeg does, and refused where it is much.

Downloads and uploads break off, cards are pulled out, programs forget the end marker. libjpeg then repeats
the last colour; viewers show that.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image

from inference.decoding.jpeg_header import scans_of

# Of the rows, at the bottom. In a progressive file each scan has all rows: there the scans that are whole
# have to hold all frequencies of all colours, if coarsely.
MAX_MISSING_SHARE: Final = 0.2
_END: Final = b"\xff\xd9"
_ANYTHING: Final = bytes(range(1, 255)) * 8


def with_end(data: bytes) -> bytes:
    """Return the file with an end marker."""
    return data + _END


def with_anything(data: bytes) -> bytes:
    """Return the file with some image data and then an end marker: rows that it has do not change by that."""
    return data + _ANYTHING + _END


def missing_share(data: bytes, ended: Image.Image, continued: Image.Image) -> float:
    """Return the share of rows, 0 to 1, that a JPEG without its end lacks.

    Args:
        data: the file.
        ended, continued: what `with_end` and `with_anything` of it decode to.
    """
    scans = scans_of(data)
    if scans is not None:
        return 0.0 if _hold_all_frequencies(scans[:-1]) else 1.0
    differs = np.asarray(ended) != np.asarray(continued)
    rows = np.flatnonzero(differs.reshape(ended.height, -1).any(axis=1))
    return 1 - int(rows[0]) / ended.height if rows.size else 0.0


def _hold_all_frequencies(scans: Sequence[bytes]) -> bool:
    missing: dict[int, set[int]] = {}
    for scan in scans:
        count = scan[0] if scan else 0
        components, band = scan[1 : 1 + 2 * count : 2], scan[1 + 2 * count : 3 + 2 * count]
        for component in components:
            left = missing.setdefault(component, set(range(64)))
            left.difference_update(range(band[0], band[1] + 1) if len(band) == 2 else ())
    return bool(missing) and not any(missing.values())
