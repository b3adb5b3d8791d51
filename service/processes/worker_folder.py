"""The folder that the workers of one service share, and those that services before it left behind.

A supervisor that is killed cannot remove its folder. Who uses a folder holds a lock on it, which the
kernel takes back however that process ends: a folder without one is nobody's. Cleaners of temporary
folders (systemd-tmpfiles) leave a locked one alone.
"""

import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from service.shared_folder import SharedFolder

if sys.platform != "win32":  # where there are no workers
    import fcntl

logger = logging.getLogger(__name__)

_PREFIX: Final = "graft-workers-"
# A folder that has just been made is not locked yet.
_MIN_AGE_S: Final = 2.0


class NoWorkerFolder(Exception):
    """There is no room for the folder, or it may not be made."""


@contextmanager
def worker_folder() -> Iterator[SharedFolder]:
    """Make a folder that is gone at the end; remove those left behind.

    Raises:
        NoWorkerFolder: it cannot be made.
    """
    try:
        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            if _age_s(left) > _MIN_AGE_S:
                remove_unused(left)
        # What is in it may be on its way out with a worker that is killed.
        folder = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
        shared = SharedFolder(Path(folder.name))
        shared.metrics_dir.mkdir()
    except OSError as err:
        raise NoWorkerFolder(
            f"cannot make a folder for what the workers share: {err.strerror}; make room, or name "
            "another temporary folder with TMPDIR"
        ) from err
    with folder, in_use(shared):
        yield shared


@contextmanager
def in_use(shared: SharedFolder) -> Iterator[None]:
    """Keep the folder from being taken for one left behind, while the context is open."""
    descriptor = os.open(shared.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # a file system without locks: nothing is removed there
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def remove_unused(folder: Path) -> None:
    """Remove a folder of ours that no process uses."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # somebody else's, or gone
        return
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            logger.info("removed folder=%s reason=a service that was killed left it", folder)
    except OSError:  # in use, or no locks here
        pass
    finally:
        os.close(descriptor)


def _age_s(folder: Path) -> float:
    try:
        return time.time() - folder.stat(follow_symlinks=False).st_mtime
    except OSError:
        return 0.0
