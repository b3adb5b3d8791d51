"""What operators have asked of the models since the service started, shared by all its workers.

A call reaches one worker. What it asked for is written to a file that the workers look at with every
look at the repository, so that each of them does the same within `GRAFT_POLL_INTERVAL_S`. Where there
is one process there is no file.
"""

import json
import os
import threading
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from pathlib import Path

from inference.file_lock import locked
from service.errors import NotPassedOn

Version = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    unloaded: frozenset[Version] = frozenset()
    pinned: frozenset[Version] = frozenset()
    num_retries: int = 0


class Operations:
    """See the module. For several threads; what notes something may wait for another process."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._asked = _Asked()
        # A look that read the file before a change must not bring back what was.
        self._reading = threading.Lock()

    @property
    def unloaded(self) -> Set[Version]:
        """The versions that stay out of memory until they are loaded again."""
        return self._asked.unloaded

    @property
    def pinned(self) -> Set[Version]:
        """The versions that stay in memory when another takes over."""
        return self._asked.pinned

    @property
    def num_retries(self) -> int:
        """How often it was asked to try what had failed again."""
        return self._asked.num_retries

    def unload(self, *versions: Version) -> None:
        """Note that versions are to be given up. Blocking.

        Raises:
            NotPassedOn: the file cannot be written.
        """
        self._change(
            lambda asked: replace(
                asked,
                unloaded=asked.unloaded.union(versions),
                pinned=asked.pinned.difference(versions),
            )
        )

    def load(self, version: Version) -> None:
        """Note that a version is to be loaded and kept. Blocking.

        Raises:
            NotPassedOn: the file cannot be written.
        """
        self._change(
            lambda asked: replace(
                asked, unloaded=asked.unloaded - {version}, pinned=asked.pinned | {version}
            )
        )

    def retry(self) -> None:
        """Note that what failed is to be tried again. Blocking.

        Raises:
            NotPassedOn: the file cannot be written.
        """
        self._change(lambda asked: replace(asked, num_retries=asked.num_retries + 1))

    def read(self) -> None:
        """Take over what other workers noted."""
        if self._file is not None:
            with self._reading:
                self._asked = self._read(self._file)

    def _change(self, change: Callable[[_Asked], _Asked]) -> None:
        """Change what is in the file, not what was in it at the last look."""
        if self._file is None:
            with self._reading:
                self._asked = change(self._asked)
            return
        try:
            with locked(self._file.with_suffix(".lock")):
                asked = change(self._read(self._file))
                with self._reading:
                    _write(self._file, asked)
                    self._asked = asked
        except OSError as err:
            raise NotPassedOn(
                "the call cannot be passed on to the other worker processes: "
                f"{err.strerror or err}; nothing was changed. Make room in the service's temporary folder"
            ) from err

    def _read(self, file: Path) -> _Asked:
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self._asked
        return _Asked(
            unloaded=frozenset((name, number) for name, number in data["unloaded"]),
            pinned=frozenset((name, number) for name, number in data["pinned"]),
            num_retries=data["num_retries"],
        )


def _write(file: Path, asked: _Asked) -> None:
    data = {
        "unloaded": sorted(asked.unloaded),
        "pinned": sorted(asked.pinned),
        "num_retries": asked.num_retries,
    }
    temporary = file.with_suffix(f".{os.getpid()}")
    try:
        temporary.write_text(json.dumps(data), encoding="utf-8")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
