"""The file that a run appends pixels to, for as long as there is room."""

import errno
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

# No room on the disk, no room in one's quota, a file as large as may be.
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ShardWriter:
    """Appends to a file of its own, which is made when the first pixels come."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._size = 0
        self.name = ""

    def append(self, data: bytes) -> int | None:
        """Write at the end and return the offset; None where the disk has no room for it.

        What was begun of it is taken back, so that it leaves the disk as full as it was.

        Raises:
            OSError: it cannot be written for another reason.
        """
        offset = self._size
        try:
            file = self._opened()
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as err:
            if err.errno not in NO_ROOM:
                raise
            if self._file is not None:
                with suppress(OSError):
                    self._file.truncate(offset)
            return None
        self._size += len(data)
        return offset

    def sync(self) -> None:
        """Bring what was written to the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self.name = f"{int(time.time())}-{secrets.token_hex(6)}.uint8"
            self._file = (self._folder / self.name).open("wb", buffering=0)
        return self._file
