"""A limit on how long a model runs, which ends the run: ONNX Runtime looks between any two nodes.

A graph may hold a loop that never ends, or that one image in a million enters.
"""

import threading
import time
from typing import Final

import onnxruntime as ort

_LOOK_EVERY_S: Final = 0.1


class RunLimit:
    """A context in which the runs that are given its `options` end after `limit_s`."""

    __slots__ = ("_limit_s", "options")

    def __init__(self, limit_s: float | None, options: ort.RunOptions | None = None) -> None:
        """Store the limit, None for none, and the options to end runs by: new ones unless given."""
        self._limit_s = limit_s
        self.options = options
        if options is None and limit_s is not None:
            self.options = ort.RunOptions()

    def __enter__(self) -> "RunLimit":
        """Begin to count."""
        if self._limit_s is not None:
            _WATCH.add(self.options, time.monotonic() + self._limit_s)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the runs alone."""
        if self._limit_s is not None:
            _WATCH.remove(self.options)


class _Watch:
    """One thread for all runs of the process. It sleeps while there are none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[int, tuple[float, ort.RunOptions]] = {}
        self._has_runs = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, options: ort.RunOptions, ends_at: float) -> None:
        with self._lock:
            self._ends[id(options)] = (ends_at, options)
            if not self._has_runs.is_set():
                self._has_runs.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="run-limit", daemon=True)
                self._thread.start()

    def remove(self, options: ort.RunOptions) -> None:
        with self._lock:
            del self._ends[id(options)]

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
            for ends_at, options in self._ends.values():
                if ends_at <= now:
                    options.terminate = True


_WATCH: Final = _Watch()
