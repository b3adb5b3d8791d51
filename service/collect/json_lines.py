"""Files of one JSON record a line, which several processes append to and read at one time.

A line is written in one piece and begins with a line end: one that a full disk cut short is alone with
that, and readers pass over it.
"""

import os
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)


def append_line(file: Path, line: str, *, sync: bool = False) -> int:
    """Append a line; return its bytes. With `sync` it is on the disk then.

    Raises:
        OSError: it is not written, or not whole, as on a full disk.
    """
    data = f"\n{line}\n".encode()
    descriptor = os.open(file, _FLAGS, 0o600)
    try:
        if os.write(descriptor, data) < len(data):
            raise OSError(28, os.strerror(28))  # of what is there a reader makes nothing
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return len(data)


class LineReader:
    """Gives the lines that were appended since it was asked last; all again where the file is another."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._identity: tuple[int, int] | None = None
        self._offset = 0

    def read(self) -> tuple[list[bytes], bool]:
        """Return new lines, and whether they are the first ones of the file. No file: no lines.

        Raises:
            OSError: it cannot be read.
        """
        try:
            with self._file.open("rb") as stream:
                status = os.fstat(stream.fileno())
                identity = (status.st_dev, status.st_ino)
                begins = identity != self._identity or status.st_size < self._offset
                if begins:
                    self._identity, self._offset = identity, 0
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            begins = self._identity is not None
            self._identity, self._offset = None, 0
            return [], begins
        whole = data.rfind(b"\n") + 1  # the last line may be on its way
        self._offset += whole
        return [line for line in data[:whole].split(b"\n") if line], begins
