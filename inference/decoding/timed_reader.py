"""The encoded bytes, handed to a decoder piece by piece until its time is over.

A decoder in C cannot be stopped from outside. But it asks for its data in pieces of some 64 kB, and that
is where it ends: a piece costs it a fraction of a second at the most.
"""

import io
import time
from typing import Final

# Headers are read in pieces of some bytes; looking at the clock for each would cost more than they do.
_LOOK_FROM_BYTES: Final = 4096


class OutOfTime(Exception):
    """The thread has spent its processor time on this image."""


class TimedReader(io.BytesIO):
    """A file in memory that raises `OutOfTime` once its reader's `time.thread_time` is over `ends_at`."""

    def __init__(self, data: bytes, *, ends_at: float) -> None:
        super().__init__(data)
        self._ends_at = ends_at

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on.

        Raises:
            OutOfTime: the time is over.
        """
        if (size is None or size < 0 or size >= _LOOK_FROM_BYTES) and (
            time.thread_time() > self._ends_at
        ):
            raise OutOfTime
        return super().read(size)
