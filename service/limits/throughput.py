"""How fast a model answers images while it has work: what a predicted wait is made of."""

import math
import time
from collections.abc import Callable
from typing import Final

Clock = Callable[[], float]

# The past counts for about so many seconds of work.
_MEMORY_S: Final = 2.0
# Less work than this tells nothing yet.
_MIN_BUSY_S: Final = 0.25


class Throughput:
    """Images a second of one model, over the last seconds in which it had images to answer.

    Both sums (seconds of work, images answered) fade alike, so a model that answers more slowly, or
    not at all, is seen to within those seconds. Time without work does not count.
    """

    def __init__(
        self, clock: Clock = time.monotonic, *, expected_per_s: float | None = None
    ) -> None:
        """Begin with what is known of the model, so that its first answer is waited for in peace."""
        self._clock = clock
        self._busy_s = 0.0 if expected_per_s is None else _MIN_BUSY_S
        self._answered = (expected_per_s or 0.0) * self._busy_s
        self._since = clock()
        self.num_working = 0

    def begin(self, images: int) -> None:
        """Count images whose bytes have all arrived."""
        self._advance()
        self.num_working += images

    def end(self, images: int, *, answered: bool) -> None:
        """Take back what `begin` counted; `answered` where the service gave them its time."""
        self._advance()
        self.num_working -= images
        if answered:
            self._answered += images

    def predicted_wait_s(self, images: int) -> float:
        """Return how long so many more images would take, behind those there are.

        0 where nothing is being answered, so that a lone request is always tried, and while too
        little was measured. Never infinite: a model that answers nothing counts as very slow.
        """
        self._advance()
        if self.num_working == 0 or self._busy_s < _MIN_BUSY_S:
            return 0.0
        return (self.num_working + images) * self._busy_s / max(self._answered, 1e-3)

    def _advance(self) -> None:
        now = self._clock()
        passed, self._since = now - self._since, now
        if self.num_working == 0:
            return
        fade = math.exp(-passed / _MEMORY_S)
        self._busy_s = self._busy_s * fade + _MEMORY_S * (1 - fade)
        self._answered *= fade
