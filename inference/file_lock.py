"""One writer at a time: threads, processes and, where the file system shares its locks, machines."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_WAIT_S: Final = 5.0
_PAUSE_S: Final = 0.005
# For file systems without locks (some that show an object store as a disk).
_in_process: Final = threading.Lock()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep all others out who lock `file`. It is made for the purpose and removed afterwards.

    `flock` on a file that is open for writing: NFS turns that into a lock of the server, which a
    folder or a file that is open for reading does not get. It ends with its process, however that
    ends. Where the file system has no locks, the threads of this process alone are kept apart.

    Raises:
        OSError: the file cannot be made.
        TimeoutError: another has held it for seconds.
    """
    ends = time.monotonic() + _WAIT_S
    if not _in_process.acquire(timeout=_WAIT_S):
        raise _timed_out()
    try:
        descriptor = _open_locked(file, ends)
        try:
            yield
        finally:
            # Before it is unlocked: who opened it meanwhile sees that it is gone, and makes another.
            with suppress(OSError):
                file.unlink()
            os.close(descriptor)
    finally:
        _in_process.release()


def _open_locked(file: Path, ends: float) -> int:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        with ExitStack() as undo:
            undo.callback(os.close, descriptor)
            _lock(descriptor, ends)
            if fcntl is None or _is_named(descriptor, file):
                undo.pop_all()
                return descriptor


def _lock(descriptor: int, ends: float) -> None:
    while fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                raise _timed_out() from None
            time.sleep(_PAUSE_S)
        except OSError:
            return  # this file system has no locks
        else:
            return


def _is_named(descriptor: int, file: Path) -> bool:
    """Return whether the open file is still the one that others would open."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _timed_out() -> TimeoutError:
    return TimeoutError(f"another process has been changing it for {_WAIT_S:.0f} s")
