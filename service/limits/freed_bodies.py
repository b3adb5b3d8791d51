"""The memory of large requests goes back to the system: glibc would keep it for the next ones."""

import asyncio
from collections.abc import Callable
from typing import Final

_LARGE_BYTES: Final = 16 * 2**20
# By then the request's frames are gone, and others that came with it too.
_PAUSE_S: Final = 1.0


class FreedBodies:
    """Gives freed memory back a moment after large requests have ended; call it on the event loop."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        """Store what gives it back: it may block and is called in a thread."""
        self._give_back = give_back
        self._is_due = False

    def note(self, num_bytes: int) -> None:
        """Note that a request has ended which had held so many bytes."""
        if num_bytes < _LARGE_BYTES or self._is_due:
            return
        self._is_due = True
        asyncio.get_running_loop().call_later(_PAUSE_S, self._begin)

    def _begin(self) -> None:
        self._is_due = False
        asyncio.get_running_loop().run_in_executor(None, self._give_back)
