"""Memory for large images that are decoded at one time, in all threads of this process together."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

# Smaller ones are many, and each is soon done.
_COUNTED_FROM_BYTES: Final = 32 * 10**6
_FREE: Final = nullcontext()


class Room:
    """So many bytes; who needs more than are left waits until others have gone.

    An image that needs more than all of it has it for itself.
    """

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity_bytes = capacity_bytes
        self._left_bytes = capacity_bytes
        self._changed = threading.Condition()

    def hold(self, num_bytes: int) -> AbstractContextManager[None]:
        """Have so many bytes to oneself while the context is open."""
        if num_bytes < _COUNTED_FROM_BYTES:
            return _FREE
        return self._hold(min(num_bytes, self._capacity_bytes))

    @contextmanager
    def _hold(self, num_bytes: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._left_bytes >= num_bytes)
            self._left_bytes -= num_bytes
        try:
            yield
        finally:
            with self._changed:
                self._left_bytes += num_bytes
                self._changed.notify_all()
