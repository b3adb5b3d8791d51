"""A folder that is filled beside its place; what a killed process left of such is removed by the next one."""

import os
import re
import secrets
import shutil
import socket
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_LOCK: Final = ".lock"
# After the prefix: the machine, which was not always there, and the folder's own.
_NAME: Final = r"([0-9a-f]{8}-)?[0-9a-f]{12}(\.lock)?"
# Longer than anything takes that fills one: for those of other machines, whose locks may not be seen here.
_ABANDONED_AFTER_S: Final = 24 * 3600


@contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a folder in `parent`; what is left of it in the end is removed. Rename it to keep it.

    A lock beside it, which ends with its process however that ends, tells whether anybody still fills it.

    Raises:
        OSError: `parent` cannot be written.
    """
    _remove_abandoned(parent, prefix)
    folder = parent / f"{prefix}{_this_machine()}-{secrets.token_hex(6)}"
    lock = folder.with_name(f"{folder.name}{_LOCK}")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _try_to_lock(descriptor)
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            lock.unlink(missing_ok=True)
        os.close(descriptor)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    ours = re.compile(re.escape(prefix) + _NAME)
    for entry in [entry for entry in parent.iterdir() if ours.fullmatch(entry.name)]:
        with suppress(OSError):  # another removes it too, or it is not ours
            folder = entry.with_name(entry.name.removesuffix(_LOCK))
            if _is_abandoned(entry, folder, ours=f"{prefix}{_this_machine()}-"):
                shutil.rmtree(folder, ignore_errors=True)
                folder.with_name(f"{folder.name}{_LOCK}").unlink(missing_ok=True)


def _is_abandoned(entry: Path, folder: Path, *, ours: str) -> bool:
    if time.time() - entry.stat().st_mtime > _ABANDONED_AFTER_S:
        return True
    if not folder.name.startswith(ours):
        return False
    lock = folder.with_name(f"{folder.name}{_LOCK}")
    descriptor = os.open(lock, os.O_RDWR)
    try:
        return _try_to_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_to_lock(descriptor: int) -> bool:
    """Return whether nobody held it; where there are no locks, somebody may."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _this_machine() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"
