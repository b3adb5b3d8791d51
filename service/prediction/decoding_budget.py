"""What all images of one request may take to decode together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import ImagesTooCostly


class DecodingBudget:
    """Seconds of a core, for one request. Several threads may spend of it at one time."""

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._lock = threading.Lock()
        self._spent_s = 0.0

    @contextmanager
    def spend(self, expected_s: float) -> Iterator["Spending"]:
        """Take what an image is expected to take; the caller notes what it took.

        Raises:
            ImagesTooCostly: so much is not left.
        """
        with self._lock:
            if self._spent_s and self._spent_s + expected_s > self._max_seconds:
                raise ImagesTooCostly(
                    f"the images of this request take over {self._max_seconds:g} s to decode "
                    "together; send fewer at once"
                )
            self._spent_s += expected_s
        spending = Spending()
        try:
            yield spending
        finally:
            with self._lock:
                self._spent_s += spending.seconds - expected_s


class Spending:
    """What one image took, in seconds of a core."""

    seconds = 0.0
