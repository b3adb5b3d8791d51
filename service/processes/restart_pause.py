"""When a process that died is started again: at once, but ever later where it dies each time soon."""

import time
from collections.abc import Callable
from typing import Final

_FIRST_PAUSE_S: Final = 1.0
_MAX_PAUSE_S: Final = 30.0
# Who served so long did not die of what it does at its start.
_STEADY_AFTER_S: Final = 60.0


class RestartPause:
    """Of one place among the processes, whoever holds it. One that dies at its start costs little then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started_at = clock()
        self._pause_s = 0.0

    def note_started(self) -> None:
        """Note that a process begins."""
        self._started_at = self._clock()

    def after_death(self) -> float:
        """Return how long to wait, in seconds, now that the process has died."""
        if self._clock() - self._started_at >= _STEADY_AFTER_S:
            self._pause_s = 0.0
        pause_s = self._pause_s
        self._pause_s = min(max(2 * pause_s, _FIRST_PAUSE_S), _MAX_PAUSE_S)
        return pause_s
