"""How far a run is, in one line of a terminal: images, images a second, time left."""

import threading
import time
from collections.abc import Callable
from typing import Final, TextIO

from inference.errors import UsageError

_EVERY_S: Final = 0.5


class Progress:
    """Shows nothing where the stream is no terminal."""

    def __init__(self, stream: TextIO, *, done: int, count: Callable[[], int | None]) -> None:
        self._stream = stream
        self._is_shown = stream.isatty()
        self._first = self._done = done
        self._total: int | None = None
        self._started = self._shown_at = time.monotonic()
        if self._is_shown:
            threading.Thread(target=self._find_total, args=(count,), daemon=True).start()

    def add(self, number: int) -> None:
        """Count `number` more images as done."""
        self._done += number
        now = time.monotonic()
        if self._is_shown and now - self._shown_at >= _EVERY_S:
            self._shown_at = now
            self._stream.write(f"\r{self._line(now - self._started)}\x1b[K")
            self._stream.flush()

    def close(self) -> None:
        """Leave an empty line behind."""
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._started

    def _find_total(self, count: Callable[[], int | None]) -> None:
        try:
            self._total = count()
        except (OSError, UsageError):  # the run itself says what is wrong
            return

    def _line(self, seconds: float) -> str:
        return progress_line(
            done=self._done, total=self._total, rate=(self._done - self._first) / seconds
        )


def progress_line(*, done: int, total: int | None, rate: float) -> str:
    """Return "1,024 of 200,000 images, 310/s, 10 min left"; without a total only what is known."""
    if total is None:
        return f"{done:,} images, {rate:.0f}/s"
    left = f", {_duration(max(total - done, 0) / rate)} left" if rate > 0 else ""
    return f"{done:,} of {total:,} images, {rate:.0f}/s{left}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
