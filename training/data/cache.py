"""Decoded pixels on disk, so that an image is decoded once and not once a run.

Keyed by content (sha256 of the file) and by view (what was made of the image, in which version), and
kept outside the data folder. SQLite knows what is there; the pixels lie in shard files, one for each
run that wrote. Rows are committed after their pixels have reached the file, so that a killed run
costs only what it had not committed, and two runs at once do not meet.

Pixels are read with plain reads, not through a memory map: the system's page cache is the same, and
the process's own memory stays flat however many images there are.
"""

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from training.errors import DataError

Pixels = npt.NDArray[np.uint8]

DEFAULT_LIMIT_BYTES: Final = 20 * 2**30
_DATABASE: Final = "index.sqlite"
_SHARDS: Final = "shards"
_COMMIT_EVERY: Final = 512
_BUSY_TIMEOUT_S: Final = 30.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS pixels (
    sha256 TEXT, view TEXT, shard TEXT, offset INTEGER, height INTEGER, width INTEGER,
    PRIMARY KEY (sha256, view)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (sha256 TEXT, version TEXT, fact TEXT, PRIMARY KEY (sha256, version))
WITHOUT ROWID;
"""


def default_cache_dir() -> Path:
    """Return the user's cache folder for this project, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graft"


@dataclass(frozen=True, slots=True)
class _Place:
    shard: str
    offset: int
    height: int
    width: int

    @property
    def num_bytes(self) -> int:
        return self.height * self.width * 3


class PixelCache:
    """Open with `PixelCache.open`, use from one thread (`pixels` and `fact` from any), then `close`.

    Where pixels lie is kept in memory, for each is looked up many times; facts, which are longer, are
    asked of the database.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self._folder = folder
        self._database = database
        self._places: dict[tuple[str, str], _Place] = {}
        self._descriptors: dict[str, int] = {}
        self._writer: BinaryIO | None = None
        self._writer_name = ""
        self._pending: list[tuple[str, str, str, int, int, int]] = []
        self._pending_facts: dict[str, str] = {}
        self._facts_version = ""
        self._lock = threading.Lock()
        self._database_lock = threading.Lock()
        self._closed = False

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        views: Iterable[str],
        facts_version: str,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
    ) -> "PixelCache":
        """Open or make the cache in `folder` and learn what it holds of `views`.

        Shards that were not used for longest are removed while all take more than `limit_bytes`.

        Raises:
            DataError: the folder cannot be written.
        """
        try:
            (folder / _SHARDS).mkdir(parents=True, exist_ok=True)
            database = _connect(folder / _DATABASE)
        except (OSError, sqlite3.Error) as err:
            raise DataError(
                f"cache folder {str(folder)!r} cannot be written; choose another with --cache-dir"
            ) from err
        cache = cls(folder, database)
        cache._facts_version = facts_version
        cache._evict(limit_bytes)
        cache._learn(list(views))
        return cache

    def close(self) -> None:
        """Commit what is pending and give the files back. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        self.commit()
        if self._writer is not None:
            self._writer.close()
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()
        self._database.close()

    def fact(self, sha256: str) -> str | None:
        """Return what was noted of a file's content, or None."""
        with self._database_lock:
            if sha256 in self._pending_facts:
                return self._pending_facts[sha256]
            row = self._database.execute(
                "SELECT fact FROM facts WHERE sha256 = ? AND version = ?",
                [sha256, self._facts_version],
            ).fetchone()
        return None if row is None else str(row[0])

    def holds(self, sha256: str, views: Iterable[str]) -> bool:
        """Return whether the pixels of every view are there."""
        return all((sha256, view) in self._places for view in views)

    def pixels(self, sha256: str, view: str) -> Pixels:
        """Return (H, W, 3) uint8 RGB of a view that `holds`."""
        place = self._places[sha256, view]
        data = os.pread(self._descriptor(place.shard), place.num_bytes, place.offset)
        if len(data) != place.num_bytes:
            raise DataError(
                f"pixel cache {str(self._folder)!r} is damaged; remove it and start the run again"
            )
        return np.frombuffer(data, dtype=np.uint8).reshape(place.height, place.width, 3)

    def put(self, sha256: str, fact: str, pixels: Mapping[str, Pixels]) -> None:
        """Keep what was noted of a content, and its views, each (H, W, 3) uint8."""
        for view, image in pixels.items():
            writer = self._open_writer()
            offset = writer.tell()
            writer.write(np.ascontiguousarray(image).tobytes())
            height, width, _ = image.shape
            self._places[sha256, view] = _Place(self._writer_name, offset, height, width)
            self._pending.append((sha256, view, self._writer_name, offset, height, width))
        with self._database_lock:
            self._pending_facts[sha256] = fact
        if len(self._pending_facts) >= _COMMIT_EVERY:
            self.commit()

    def commit(self) -> None:
        """Make everything put so far last: pixels first, then the rows that name them."""
        if self._writer is not None:
            self._writer.flush()
            os.fsync(self._writer.fileno())
        facts = [(sha, self._facts_version, fact) for sha, fact in self._pending_facts.items()]
        with self._database_lock, self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO pixels VALUES (?, ?, ?, ?, ?, ?)", self._pending
            )
            self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", facts)
            self._pending_facts.clear()
        self._pending.clear()

    def _learn(self, views: list[str]) -> None:
        marks = ",".join("?" * len(views))
        # The marks are placeholders; no value enters the text.
        rows = self._database.execute(
            f"SELECT sha256, view, shard, offset, height, width FROM pixels WHERE view IN ({marks})",  # noqa: S608
            views,
        )
        # One string for all rows that name it.
        existing = {path.name: path.name for path in (self._folder / _SHARDS).iterdir()}
        known = {view: view for view in views}
        for sha256, view, shard, *place in rows:
            if shard in existing:
                self._places[sha256, known[view]] = _Place(existing[shard], *place)
        for shard in {place.shard for place in self._places.values()}:
            self._descriptor(shard)  # kept open: another run may remove the file meanwhile

    def _descriptor(self, shard: str) -> int:
        with self._lock:
            if shard == self._writer_name and self._writer is not None:
                self._writer.flush()
            if shard not in self._descriptors:
                path = self._folder / _SHARDS / shard
                self._descriptors[shard] = os.open(path, os.O_RDONLY)
                with suppress(OSError):
                    os.utime(path)  # the time of last use, by which shards are removed
            return self._descriptors[shard]

    def _open_writer(self) -> BinaryIO:
        if self._writer is None:
            self._writer_name = f"{int(time.time())}-{secrets.token_hex(6)}.uint8"
            self._writer = (self._folder / _SHARDS / self._writer_name).open("wb")
        return self._writer

    def _evict(self, limit_bytes: int) -> None:
        found = []
        for path in (self._folder / _SHARDS).iterdir():
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= limit_bytes:
                return
            with self._database:
                self._database.execute("DELETE FROM pixels WHERE shard = ?", [path.name])
            path.unlink(missing_ok=True)
            total -= size


def _connect(file: Path) -> sqlite3.Connection:
    # Used from several threads, one at a time.
    database = sqlite3.connect(file, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database
