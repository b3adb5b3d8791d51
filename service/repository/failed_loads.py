"""When a load that failed is tried again: after growing pauses, and when a file of the package changes."""

import itertools
import math
import os
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 600.0
# Of a package: a model and a manifest, some golden images, a report. A folder of a million is no package.
_MAX_FILES: Final = 1000

Stamp = Hashable


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    stamp: Stamp
    at: float
    pause_s: float


class FailedLoads:
    """What failed, when, and how the files were then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[Hashable, _Failure] = {}

    def note(self, key: Hashable, stamp: Stamp, *, lasting: bool = False) -> float:
        """Note that a load failed of files that were so; return the pause until it is tried again.

        What is `lasting` costs too much to be tried again before a file changes.
        """
        last = self._failures.get(key)
        pause_s = _FIRST_PAUSE_S
        if last is not None and last.stamp == stamp:
            pause_s = min(2 * last.pause_s, _LONGEST_PAUSE_S)
        pause_s = math.inf if lasting else pause_s
        self._failures[key] = _Failure(stamp=stamp, at=self._clock(), pause_s=pause_s)
        return pause_s

    def forget(self, key: Hashable) -> None:
        """Note that it can be loaded."""
        self._failures.pop(key, None)

    def is_due(self, key: Hashable, stamp: Stamp) -> bool:
        """Return whether to try again what failed, now that its files are so."""
        failure = self._failures.get(key)
        if failure is None:
            return True
        return failure.stamp != stamp or self._clock() - failure.at >= failure.pause_s


def files_stamp(folder: Path) -> Stamp:
    """Return what changes when any file in a package is written, renamed, or gets other rights. Blocking."""
    return tuple(_file_stamp(path) for path in itertools.islice(_paths(folder), _MAX_FILES))


def _paths(folder: Path) -> Iterator[str]:
    yield str(folder)
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted((*folders, *files)):
            yield os.path.join(root, name)


def _file_stamp(path: str) -> Stamp:
    try:
        status = os.stat(path)
    except OSError as err:
        return path, err.errno
    return path, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size
