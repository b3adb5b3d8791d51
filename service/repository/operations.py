"""What operators have asked of the models since the service started, shared by all its workers.

A call reaches one worker. What it asked for is written to a file that the workers look at with every
look at the repository, so that each of them does the same within `GRAFT_POLL_INTERVAL_S`. Where there
is one process there is no file.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from inference.file_lock import locked
from service.errors import NotPassedOn

Version = tuple[str, int]


@dataclass(slots=True)
class Operations:
    """See the module.

    Attributes:
        unloaded: versions that stay out of memory until they are loaded again.
        pinned: versions that stay in memory when another takes over.
        num_retries: how often it was asked to try what had failed again.
    """

    file: Path | None = None
    unloaded: set[Version] = field(default_factory=set)
    pinned: set[Version] = field(default_factory=set)
    num_retries: int = 0

    def unload(self, version: Version) -> None:
        """Note that a version is to be given up."""
        with self._changing():
            self.unloaded.add(version)
            self.pinned.discard(version)

    def load(self, version: Version) -> None:
        """Note that a version is to be loaded and kept."""
        with self._changing():
            self.unloaded.discard(version)
            self.pinned.add(version)

    def retry(self) -> None:
        """Note that what failed is to be tried again."""
        with self._changing():
            self.num_retries += 1

    def read(self) -> None:
        """Take over what other workers noted."""
        if self.file is None:
            return
        with suppress(FileNotFoundError):
            data = json.loads(self.file.read_text(encoding="utf-8"))
            self.unloaded = {(name, number) for name, number in data["unloaded"]}
            self.pinned = {(name, number) for name, number in data["pinned"]}
            self.num_retries = data["num_retries"]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change what is in the file, not what was in it at the last look.

        Raises:
            NotPassedOn: the file cannot be written.
        """
        if self.file is None:
            yield
            return
        before = set(self.unloaded), set(self.pinned), self.num_retries
        try:
            with locked(self.file.with_suffix(".lock")):
                self.read()
                yield
                self._write(self.file)
        except OSError as err:
            self.unloaded, self.pinned, self.num_retries = before
            raise NotPassedOn(
                "the call cannot be passed on to the other worker processes: "
                f"{err.strerror or err}; nothing was changed. Make room in the service's temporary folder"
            ) from err

    def _write(self, file: Path) -> None:
        data = {
            "unloaded": sorted(self.unloaded),
            "pinned": sorted(self.pinned),
            "num_retries": self.num_retries,
        }
        temporary = file.with_suffix(f".{os.getpid()}")
        try:
            temporary.write_text(json.dumps(data), encoding="utf-8")
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
