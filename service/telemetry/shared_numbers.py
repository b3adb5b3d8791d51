"""The files in which the processes of one service keep the numbers behind `/metrics`.

prometheus_client makes them with holes. A hole that the disk has no room for ends the process that writes
into it (SIGBUS), so here every byte is written before it is used; without room a process counts alone.
"""

import io
import logging
import mmap
import os
from pathlib import Path
from typing import Final

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

logger = logging.getLogger(__name__)

# Thousands of numbers. A file that is full is doubled.
_FIRST_BYTES: Final = 256 * 2**10
# Of an entry beside its key: a length, two numbers, and what fills up to eight bytes.
_ENTRY_BYTES: Final = 28


def use_allocated_files() -> None:
    """Have prometheus_client make its files so; before any metric is made."""
    values.MmapedDict = AllocatedNumbers  # type: ignore[attr-defined]


class AllocatedNumbers(MmapedDict):
    """Numbers by key in a file of which every byte is there, or in memory alone."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        self._is_file = True
        try:
            _allocate(filename, _FIRST_BYTES)
            super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]
        except OSError as err:
            Path(filename).unlink(missing_ok=True)
            _warn(err)
            self._is_file, self._f = False, io.BytesIO()
            self._m = mmap.mmap(-1, _FIRST_BYTES)
            self._capacity, self._used = _FIRST_BYTES, 8
            self._positions: dict[str, int] = {}

    def _init_value(self, key: str) -> None:
        while self._used + len(key.encode()) + _ENTRY_BYTES > self._capacity:
            self._grow()
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _grow(self) -> None:
        size = 2 * self._capacity
        grown = self._grown_file(size) or mmap.mmap(-1, size)
        grown[: self._capacity] = self._m[:]
        self._m, self._capacity = grown, size

    def _grown_file(self, size: int) -> mmap.mmap | None:
        if not self._is_file:
            return None
        try:
            _allocate(self._fname, size)
            return mmap.mmap(self._f.fileno(), size)
        except OSError as err:
            _warn(err)
            return None


def _allocate(filename: str, num_bytes: int) -> None:
    with open(filename, "ab") as file:
        file.write(bytes(max(0, num_bytes - os.fstat(file.fileno()).st_size)))


def _warn(err: OSError) -> None:
    logger.error(
        "metrics_not_shared reason=%s; make room in the temporary folder (TMPDIR)", err.strerror
    )
