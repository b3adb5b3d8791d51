"""Files that a stranger may have put in place: refused by kind and size before a byte is read.

Opening a pipe or a device can block for ever, and a sparse file of no cost on disk fills the memory.
"""

import os
import stat
from pathlib import Path
from typing import Final

from inference.errors import PackageError

_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# A pipe that takes a file's place after it was looked at blocks nobody, a terminal does not become ours.
_OPEN_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def read_regular_file(folder: Path, name: str, *, max_bytes: int) -> bytes:
    """Return the content of `name` in `folder`, a file of at most `max_bytes`.

    Raises:
        PackageError: it is a pipe, a device, a folder or a socket, a link out of `folder`, or too large.
        OSError: it is missing or cannot be read.
    """
    path = file_within(folder, name)
    _check_size(name, regular_file_size(folder, name), max_bytes=max_bytes)
    descriptor = os.open(path, _OPEN_FLAGS)
    with open(descriptor, "rb") as file:
        # Looked at again: another may have taken its place.
        size = _size(name, os.fstat(descriptor))
        _check_size(name, size, max_bytes=max_bytes)
        return file.read(size)


def regular_file_size(folder: Path, name: str) -> int:
    """Return the size in bytes of `name` in `folder`, which is not opened.

    Raises:
        PackageError: it is no file, or a link out of `folder`.
        OSError: it is missing or may not be looked at.
    """
    return _size(name, file_within(folder, name).stat())


def file_within(folder: Path, name: str) -> Path:
    """Return the path of a file in `folder`; it need not be there.

    Raises:
        PackageError: it is a link that leads out of the folder, where any file of this machine could
            lie.
    """
    file = folder / name
    # Not Path.resolve, which raises on a link to itself.
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
        raise PackageError(f"{name} is a link out of its folder; put the file itself there")
    return file


def reason_of(err: OSError) -> str:
    """Return what the system says, without the path that an OSError names."""
    return err.strerror or type(err).__name__


def why_unreadable(err: OSError) -> str:
    """Return what follows a file's name: "is missing" or "cannot be read: Permission denied"."""
    if isinstance(err, FileNotFoundError):
        return "is missing"
    return f"cannot be read: {reason_of(err)}"


def _size(name: str, status: os.stat_result) -> int:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        what = _KINDS.get(kind, "something else")
        raise PackageError(f"{name} is {what}, not a file; put the file in its place")
    return status.st_size


def _check_size(name: str, size: int, *, max_bytes: int) -> None:
    if size > max_bytes:
        raise PackageError(f"{name} has {size} bytes, limit is {max_bytes}")
