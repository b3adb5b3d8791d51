"""What archives were unpacked to takes room in the cache: what nobody has used for longest goes first."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

LIMIT_BYTES: Final = 20 * 2**30
# A run that is under way has marked its own when it began.
_IN_USE_S: Final = 7 * 24 * 3600


def mark_used(unpacked: Path) -> None:
    """Note that an unpacked archive is used now; the time of its folder says so."""
    with suppress(OSError):  # a cache that may only be read
        os.utime(unpacked)


def forget_unused(archives: Path) -> None:
    """Remove unpacked archives while all take more than the limit, but none of the last week."""
    places = sorted(
        (place for place in archives.iterdir() if _is_unpacked(place)),
        key=lambda place: place.stat().st_mtime,
    )
    total = sum(map(_num_bytes, places))
    for place in places:
        if total <= LIMIT_BYTES or time.time() - place.stat().st_mtime < _IN_USE_S:
            return
        total -= _num_bytes(place)
        shutil.rmtree(place, ignore_errors=True)


def _is_unpacked(place: Path) -> bool:
    return place.is_dir() and not place.name.startswith(".")


def _num_bytes(place: Path) -> int:
    return sum(
        (Path(folder) / name).lstat().st_size
        for folder, _, names in os.walk(place)
        for name in names
    )
