"""A disk that is soon full."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a disk of `size` (as `1m`) at a new folder for a block; skip the test where none may be."""
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    where = os.fsencode(folder)
    if libc.mount(b"tmpfs", where, b"tmpfs", 0, f"size={size}".encode()) != 0:
        pytest.skip(
            f"LEFT OUT: a small disk cannot be mounted here: {os.strerror(ctypes.get_errno())}"
        )
    try:
        yield
    finally:
        libc.umount2(where, 2)
