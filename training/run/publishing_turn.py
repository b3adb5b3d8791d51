"""Runs of one name publish one after another: each is compared with the version that really answers then."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from inference.errors import PackageError
from inference.file_lock import lock_open_file
from inference.readable import share_reading
from training.runtime.progress import Display

_LOCK_FILE: Final = ".publishing"
_PAUSE_S: Final = 0.1


@contextmanager
def publishing_turn(models_dir: Path, name: str, display: Display) -> Iterator[None]:
    """Wait until no other run publishes under this name, and keep others waiting in the block.

    The lock ends with its process, however that ends. Where the file system has no locks, nobody waits.

    Raises:
        PackageError: the repository cannot be written.
    """
    folder = models_dir / name
    try:
        made = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        if made:
            share_reading(folder)
        descriptor = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as err:
        raise PackageError(
            f"cannot write to models folder {str(models_dir)!r}: {err.strerror or err}; choose another "
            "with --models-dir"
        ) from err
    try:
        if not lock_open_file(descriptor):
            display.line(f"another run is publishing under the name {name!r}; waiting for it")
            while not lock_open_file(descriptor):
                time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(descriptor)
