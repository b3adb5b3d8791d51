"""What a SIGTERM or Ctrl-C does: drain, finish what was accepted, and end within the grace.

On the first signal ready goes off, and the service goes on listening for the drain delay, so that a load
balancer can turn away. Then it finishes what it accepted; what is not finished within the grace is
given up. A second signal ends the process at once.
"""

import logging
import signal
import time
from typing import Final

from service.context import Lifecycle
from service.processes.process_end import ProcessEnd, end_at_once

logger = logging.getLogger(__name__)

# When all is answered, what a thread still works at is for nobody.
_LEFT_BEHIND_S: Final = 0.5


class GracefulShutdown:
    """How far the end of this process has come."""

    def __init__(self, lifecycle: Lifecycle, *, drain_delay_s: float, grace_s: float) -> None:
        self._lifecycle = lifecycle
        self._drain_delay_s = drain_delay_s
        self._grace_s = grace_s
        self._end = ProcessEnd()
        self._listen_until: float | None = None
        self._unlogged_signal: signal.Signals | None = None

    def start(self) -> None:
        """Begin to wait for the end."""
        self._end.start()

    def take_signal(self, sig: int) -> None:
        """Begin to drain, or end at once.

        Nothing is logged here: where the signal comes in the middle of a line that is being written,
        writing another fails, and the signal would be lost with it.
        """
        if self._listen_until is not None:
            end_at_once()
        self._lifecycle.draining = True
        self._listen_until = time.monotonic() + self._drain_delay_s
        self._end.within(self._drain_delay_s + self._grace_s)
        self._unlogged_signal = signal.Signals(sig)

    def log_signal(self) -> None:
        """Log the signal that was taken since the last call, if there was one."""
        if self._unlogged_signal is not None:
            logger.info("draining signal=%s", self._unlogged_signal.name)
            self._unlogged_signal = None

    @property
    def drain_delay_is_over(self) -> bool:
        """Whether a signal came, and load balancers have had the time to turn away."""
        return self._listen_until is not None and time.monotonic() >= self._listen_until

    def end_within_grace(self) -> None:
        """Give accepted requests the grace to finish, and no longer."""
        self._end.within(self._grace_s)

    def note_all_answered(self) -> None:
        """Give threads that still work a moment to finish, and no longer."""
        self._end.within(_LEFT_BEHIND_S)
