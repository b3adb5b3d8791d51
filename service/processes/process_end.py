"""The end of this process at a set time, whatever its threads are doing.

Python waits at its end for every thread, and a thread that decodes an image or waits for a file cannot
be stopped.
"""

import logging
import os
import queue
import threading
import time
from typing import Final

logger = logging.getLogger(__name__)

# A log that nobody reads any more keeps no process.
_LOG_S: Final = 0.5


class ProcessEnd:
    """A thread that ends the process with exit code 0 once a time has come; the earliest counts."""

    def __init__(self) -> None:
        # Of all queues the one that a signal handler may put into.
        self._times: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="process-end", daemon=True)

    def start(self) -> None:
        """Begin to wait."""
        self._thread.start()

    def within(self, seconds: float) -> None:
        """End the process so many seconds from now, unless it has ended by itself."""
        self._times.put(time.monotonic() + seconds)

    def _run(self) -> None:
        end_at: float | None = None
        while True:
            left_s = None if end_at is None else max(0.0, end_at - time.monotonic())
            try:
                given = self._times.get(timeout=left_s)
            except queue.Empty:
                break
            end_at = given if end_at is None else min(end_at, given)
        _log_and_end()


def end_at_once() -> None:
    """End the process now, with exit code 0. Nothing of it is finished."""
    os._exit(0)


def _log_and_end() -> None:
    writer = threading.Thread(
        target=logger.warning, args=("ended_unfinished reason=the grace has passed",), daemon=True
    )
    writer.start()
    writer.join(_LOG_S)
    end_at_once()
