"""Decoded pixels on disk, so that an image is decoded once and not once a run.

Keyed by content (sha256 of the file) and by view (what was made of the image, in which version), and
kept outside the data folder. SQLite knows what is there; the pixels lie in shard files, one for each
run that wrote. Rows are committed after their pixels have reached the file, so that a killed run
costs only what it had not committed, and two runs at once do not meet. Each row has a checksum, so
that what a disk changed is made anew and nothing is trained on noise.

Pixels are read with plain reads, not through a memory map: the system's page cache is the same, and
the process's own memory stays flat however many images there are. Where pixels lie is asked of the
database once an image; who reads them again keeps the numbers of their `Place`.
"""

import os
import secrets
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np

from training.errors import DataError
from training.runtime.arrays import Pixels

DEFAULT_LIMIT_BYTES: Final = 20 * 2**30
_DATABASE: Final = "index.sqlite"
_SHARDS: Final = "shards"
_COMMIT_EVERY: Final = 512
_MAX_SIDE_PX: Final = 2**16
_BUSY_TIMEOUT_S: Final = 30.0
_BUSY_RETRY_S: Final = 0.02
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS checked_pixels (
    sha256 TEXT, view TEXT, shard TEXT, offset INTEGER, height INTEGER, width INTEGER, checksum INTEGER,
    PRIMARY KEY (sha256, view)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checked_facts (
    sha256 TEXT, version TEXT, fact TEXT, checksum INTEGER, PRIMARY KEY (sha256, version)
) WITHOUT ROWID;
-- Of before there were checksums.
DROP TABLE IF EXISTS pixels;
DROP TABLE IF EXISTS facts;
"""
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def default_cache_dir() -> Path:
    """Return the user's cache folder for this project, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graft"


class Place(NamedTuple):
    """Where an image's pixels lie: byte `offset` of the cache's shard of that number, (height, width, 3).

    `checksum` is of the pixels.
    """

    shard: int
    offset: int
    height: int
    width: int
    checksum: int

    @property
    def num_bytes(self) -> int:
        """Bytes of the pixels."""
        return self.height * self.width * 3


class PixelCache:
    """`open` it, `put` from one thread (`find`, `look_up`, `read` from any), then `close` it."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self._folder = folder
        self._database = database
        # Shards by name, numbered in the order in which they were met; None is one that is gone.
        self._numbers: dict[str, int] = {}
        self._descriptors: list[int | None] = []
        self._writer: BinaryIO | None = None
        self._writer_number = -1
        self._pending: dict[tuple[str, str], Place] = {}
        self._pending_facts: dict[str, str] = {}
        self._facts_version = ""
        self._lock = threading.Lock()
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
        """Open or make the cache in `folder` and the shards that hold something of `views`.

        Shards that were not used for longest are removed while all take more than `limit_bytes`.

        Raises:
            DataError: the folder cannot be written.
        """
        with _explained(folder):
            (folder / _SHARDS).mkdir(parents=True, exist_ok=True)
            cache = cls(folder, _connect_or_make_anew(folder / _DATABASE))
            cache._facts_version = facts_version
            cache._evict(limit_bytes)
            cache._open_shards(list(views))
        return cache

    def close(self) -> None:
        """Commit what is pending and give the files back. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        self.commit()
        if self._writer is not None:
            self._writer.close()
        for descriptor in self._descriptors:
            if descriptor is not None:
                os.close(descriptor)
        self._descriptors.clear()
        self._database.close()

    def find(self, sha256: str, views: Sequence[str]) -> list[Place] | None:
        """Return where the pixels of each view lie, or None where one is not there."""
        return self.look_up(sha256, views)[1]

    def look_up(self, sha256: str, views: Sequence[str]) -> tuple[str | None, list[Place] | None]:
        """Return what was noted of a content, or None, and what `find` returns, at one go."""
        with self._lock:
            if sha256 in self._pending_facts:
                fact: str | None = self._pending_facts[sha256]
                places = {view: self._pending.get((sha256, view)) for view in views}
            else:
                fact, places = self._ask(sha256, views)
        found = [place for view in views if (place := places.get(view)) is not None]
        return fact, found if len(found) == len(views) else None

    def read(self, place: Place) -> Pixels:
        """Return the (H, W, 3) uint8 RGB pixels at a place that `find` or `put` returned.

        Raises:
            DataError: they are not those that were kept; their shard is removed, so that the next run
                makes them anew.
        """
        descriptor = self._descriptors[place.shard]
        assert descriptor is not None
        with _explained(self._folder):
            data = os.pread(descriptor, place.num_bytes, place.offset)
        if len(data) != place.num_bytes or zlib.crc32(data) != place.checksum:
            name = Path(list(self._numbers)[place.shard]).name
            (self._folder / _SHARDS / name).unlink(missing_ok=True)
            raise DataError(
                f"pixels in the cache {str(self._folder)!r} were changed on the disk and have been removed; "
                "start the run again to make them anew"
            )
        return np.frombuffer(data, dtype=np.uint8).reshape(place.height, place.width, 3)

    def put(self, sha256: str, fact: str, pixels: Mapping[str, Pixels]) -> list[Place]:
        """Keep what was noted of a content, and its views, each (H, W, 3) uint8; return where they lie."""
        places = {(sha256, view): self._append(image) for view, image in pixels.items()}
        with self._lock:
            self._pending.update(places)
            self._pending_facts[sha256] = fact
        if len(self._pending_facts) >= _COMMIT_EVERY:
            self.commit()
        return list(places.values())

    def commit(self) -> None:
        """Make everything put so far last: pixels first, then the rows that name them.

        Raises:
            DataError: there is no room, or the folder is damaged.
        """
        shards = list(self._numbers)
        pixels = [(*key, shards[place.shard], *place[1:]) for key, place in self._pending.items()]
        facts = [
            (sha, self._facts_version, fact, _checksum(fact))
            for sha, fact in self._pending_facts.items()
        ]
        with _explained(self._folder), self._lock, self._database:
            if self._writer is not None:
                os.fsync(self._writer.fileno())
            self._database.executemany(
                "INSERT OR REPLACE INTO checked_pixels VALUES (?, ?, ?, ?, ?, ?, ?)", pixels
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO checked_facts VALUES (?, ?, ?, ?)", facts
            )
            self._pending_facts.clear()
            self._pending.clear()

    def _ask(self, sha256: str, views: Sequence[str]) -> tuple[str | None, dict[str, Place | None]]:
        marks = ",".join("?" * len(views))
        # The marks are placeholders; no value enters the text.
        statement = (
            "SELECT fact, NULL, NULL, NULL, NULL, NULL, checksum FROM checked_facts "  # noqa: S608
            "WHERE sha256 = ? AND version = ? "
            "UNION ALL SELECT NULL, view, shard, offset, height, width, checksum FROM checked_pixels "
            f"WHERE sha256 = ? AND view IN ({marks})"
        )
        values = [sha256, self._facts_version, sha256, *views]
        fact, places = None, {}
        with _explained(self._folder):
            rows = self._database.execute(statement, values).fetchall()
        for found, view, shard, offset, height, width, checksum in rows:
            if view is None:
                fact = str(found) if _checksum(str(found)) == checksum else None
            elif _is_sound(shard, offset, height, width):
                number = self._number(shard)
                gone = self._descriptors[number] is None
                places[view] = None if gone else Place(number, offset, height, width, checksum)
        return fact, places

    def _open_shards(self, views: list[str]) -> None:
        """Open all that hold something of `views`: another run may remove a file meanwhile."""
        marks = ",".join("?" * len(views))
        # The marks are placeholders; no value enters the text.
        statement = f"SELECT DISTINCT shard FROM checked_pixels WHERE view IN ({marks})"  # noqa: S608
        for (shard,) in self._database.execute(statement, views).fetchall():
            if isinstance(shard, str):
                self._number(shard)

    def _number(self, shard: str) -> int:
        """Return a shard's number; open it the first time."""
        if shard not in self._numbers:
            descriptor = None
            # A name that a damaged index holds must not lead to another folder.
            path = self._folder / _SHARDS / Path(shard).name
            with suppress(FileNotFoundError):
                descriptor = os.open(path, os.O_RDONLY)
                os.utime(path)  # the time of last use, by which shards are removed
            self._numbers[shard] = len(self._descriptors)
            self._descriptors.append(descriptor)
        return self._numbers[shard]

    def _append(self, image: Pixels) -> Place:
        if self._writer is None:
            name = f"{int(time.time())}-{secrets.token_hex(6)}.uint8"
            self._writer = (self._folder / _SHARDS / name).open("wb")
            with self._lock:
                self._writer_number = self._number(name)
        offset = self._writer.tell()
        data = np.ascontiguousarray(image).tobytes()
        with _explained(self._folder):
            self._writer.write(data)
            self._writer.flush()  # it can be read at once
        height, width, _ = image.shape
        return Place(self._writer_number, offset, height, width, zlib.crc32(data))

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
                self._database.execute("DELETE FROM checked_pixels WHERE shard = ?", [path.name])
            path.unlink(missing_ok=True)
            total -= size


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say in a sentence what stands in the way of the cache.

    Raises:
        DataError: in place of what the system or SQLite raised.
    """
    try:
        yield
    except OSError as err:
        raise _unusable(folder, err.strerror or type(err).__name__) from err
    except sqlite3.Error as err:
        if _code(err) in _DAMAGED:
            _remove_database(folder / _DATABASE)
            raise DataError(
                f"the index of the cache {str(folder)!r} was damaged and has been removed; "
                "start the run again to make it anew"
            ) from err
        raise _unusable(folder, str(err)) from err


def _unusable(folder: Path, reason: str) -> DataError:
    return DataError(
        f"cache folder {str(folder)!r} cannot be used: {reason}; make room, or choose another with "
        "--cache-dir"
    )


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _is_sound(shard: object, offset: object, height: object, width: object) -> bool:
    """Whether a row is of numbers that make sense at all: damage makes other types, too."""
    sides = all(isinstance(side, int) and 0 < side <= _MAX_SIDE_PX for side in (height, width))
    return isinstance(shard, str) and isinstance(offset, int) and offset >= 0 and sides


def _connect_or_make_anew(file: Path) -> sqlite3.Connection:
    """Open the database; one that is damaged is removed, for a cache can be made again."""
    try:
        database = _connect(file)
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found == "ok":
            return database
        database.close()
    except sqlite3.Error as err:
        if _code(err) not in _DAMAGED:
            raise
    _remove_database(file)
    return _connect(file)


def _remove_database(file: Path) -> None:
    for part in ("", "-wal", "-shm"):
        file.with_name(f"{file.name}{part}").unlink(missing_ok=True)


def _connect(file: Path) -> sqlite3.Connection:
    gives_up_s = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        # Used from several threads, one at a time.
        database = sqlite3.connect(file, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
        database.text_factory = partial(str, encoding="utf-8", errors="replace")
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(_SCHEMA)
        except sqlite3.Error as err:
            database.close()
            # Where two processes make the same file, SQLite refuses one at once, whatever the timeout.
            if not _is_busy(err) or time.monotonic() > gives_up_s:
                raise
            time.sleep(_BUSY_RETRY_S)
        else:
            return database


def _is_busy(err: sqlite3.Error) -> bool:
    return _code(err) == sqlite3.SQLITE_BUSY


def _code(err: sqlite3.Error) -> int:
    # The lower byte of an extended code is the code.
    return int(getattr(err, "sqlite_errorcode", 0)) & 0xFF
