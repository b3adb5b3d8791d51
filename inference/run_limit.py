"""A limit on how long a model runs, which ends the run: runtimes look between any two nodes.

A graph may hold a loop that never ends, or that one image in a million enters.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, Self

import onnxruntime as ort

_LOOK_EVERY_S: Final = 0.1


class TimeLimit:
    """A context that has `end` called when it has been open for `limit_s`, and again until it is closed."""

    __slots__ = ("_end", "_limit_s")

    def __init__(self, limit_s: float | None, end: Callable[[], None]) -> None:
        """Store the limit, None for none, and what ends the run."""
        self._limit_s = limit_s
        self._end = end

    def __enter__(self) -> Self:
        """Begin to count."""
        if self._limit_s is not None:
            _WATCH.add(self, time.monotonic() + self._limit_s, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the runs alone."""
        if self._limit_s is not None:
            _WATCH.remove(self)


class RunLimit(TimeLimit):
    """A context in which ONNX Runtime's runs that are given its `options` end after `limit_s`."""

    __slots__ = ("options",)

    def __init__(self, limit_s: float | None, options: ort.RunOptions | None = None) -> None:
        """Store the limit, None for none, and the options to end runs by: new ones unless given."""
        super().__init__(limit_s, self._terminate)
        self.options = options
        if options is None and limit_s is not None:
            self.options = ort.RunOptions()

    def _terminate(self) -> None:
        assert self.options is not None
        self.options.terminate = True


class _Watch:
    """One thread for all runs of the process. It sleeps while there are none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[int, tuple[float, Callable[[], None]]] = {}
        self._has_runs = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, limit: TimeLimit, ends_at: float, end: Callable[[], None]) -> None:
        with self._lock:
            self._ends[id(limit)] = (ends_at, end)
            if not self._has_runs.is_set():
                self._has_runs.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="run-limit", daemon=True)
                self._thread.start()

    def remove(self, limit: TimeLimit) -> None:
        with self._lock:
            del self._ends[id(limit)]

    def _run(self) -> None:
        while True:
            self._has_runs.wait()
            time.sleep(_LOOK_EVERY_S)
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        with self._lock:
            if not self._ends:
                self._has_runs.clear()
            for ends_at, end in self._ends.values():
                if ends_at <= now:
                    end()


_WATCH: Final = _Watch()
