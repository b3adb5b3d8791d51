"""One writer at a time: threads, processes and, where the file system shares its locks, machines."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_WAIT_S: Final = 5.0
_PAUSE_S: Final = 0.005
# For file systems without locks (some that show an object store as a disk).
_NO_LOCKS: Final = frozenset({errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})
# `flock` keeps the threads of this process apart too, but not where there is none.
_in_process: Final[WeakValueDictionary[str, threading.Lock]] = WeakValueDictionary()
_finding: Final = threading.Lock()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep all others out who lock `file`, which is made for the purpose.

    It stays: NFS may show a removed file for a while, and two would hold two. `flock` on a file that is
    open for writing, which NFS makes a lock of the server; a folder, or a file that is open for reading,
    would not get one. It ends with its process, however that ends. Where the file system has no locks,
    the threads of this process alone are kept apart.

    Raises:
        OSError: the file cannot be made.
        TimeoutError: another has held it for seconds.
    """
    ends = time.monotonic() + _WAIT_S
    own = _lock_of(file)
    if not own.acquire(timeout=_WAIT_S):
        raise _timed_out()
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            _share_writing(descriptor, file.parent)
            _lock(descriptor, ends)
            yield
        finally:
            os.close(descriptor)
    finally:
        own.release()


def lock_open_file(descriptor: int) -> bool:
    """Lock a file that is open for writing until it is closed; whether no other process had it.

    Where the file system has no locks, it counts as locked.
    """
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as err:
        if err.errno not in _NO_LOCKS:
            raise
    return True


def _lock_of(file: Path) -> threading.Lock:
    """Return the lock of this process's threads for a file, which is forgotten when none uses it."""
    with _finding:
        return _in_process.setdefault(os.path.realpath(file), threading.Lock())


def _share_writing(descriptor: int, folder: Path) -> None:
    """Let those lock it who may write in its folder, whatever the umask of who was first."""
    with suppress(OSError):  # it is another's, or the file system has no rights
        os.chmod(descriptor, 0o600 | (folder.stat().st_mode & 0o066))


def _lock(descriptor: int, ends: float) -> None:
    while fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                raise _timed_out() from None
            time.sleep(_PAUSE_S)
        except OSError as err:
            if err.errno not in _NO_LOCKS:
                raise
            return
        else:
            return


def _timed_out() -> TimeoutError:
    return TimeoutError(f"another process has been changing it for {_WAIT_S:.0f} s")
