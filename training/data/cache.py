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
import shutil
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from training.data.cache_index import (
    DAMAGED,
    IN_MEMORY,
    connect_or_make_anew,
    error_code,
    remove_database,
)
from training.data.cache_limit import cache_limit_bytes
from training.data.shard_writer import NO_ROOM, ShardWriter
from training.errors import DataError
from training.runtime.arrays import Pixels

# What is left free on the disk for others, the run's own checkpoints and model among them: as much as where
# archives are unpacked, on small disks a share.
_RESERVED_BYTES: Final = 2**30
_RESERVED_SHARE: Final = 0.05
DATABASE: Final = "index.sqlite"
SHARDS: Final = "shards"
_DISK_FULL: Final = "its disk is full"
# With less than this SQLite may fail without saying that it is for lack of room.
_NO_ROOM_BYTES: Final = 2**20
_COMMIT_EVERY: Final = 512
_MAX_SIDE_PX: Final = 2**16


def default_cache_dir() -> Path:
    """Return the user's cache folder for this project, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graft"


# In place of a shard's number.
NOT_KEPT: Final = -1


class Place(NamedTuple):
    """Where an image's pixels lie: byte `offset` of the cache's shard of that number, (height, width, 3).

    `checksum` is of the pixels. `shard` is `NOT_KEPT` where there was no room for them.
    """

    shard: int
    offset: int
    height: int
    width: int
    checksum: int

    @property
    def kept(self) -> bool:
        """Whether the pixels lie in the cache."""
        return self.shard != NOT_KEPT

    @property
    def num_bytes(self) -> int:
        """Bytes of the pixels."""
        return self.height * self.width * 3


class PixelCache:
    """`open` it, `put` from one thread (`find`, `look_up`, `read` from any), then `close` it.

    Attributes:
        full: why not all pixels are kept, in words; None while they are.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection, limit_bytes: int) -> None:
        self.full: str | None = None
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._room_bytes = 0
        self._database = database
        # Shards by name, numbered in the order in which they were met; None is one that is gone.
        self._numbers: dict[str, int] = {}
        self._descriptors: list[int | None] = []
        self._writer = ShardWriter(folder / SHARDS)
        self._pending: dict[tuple[str, str], Place] = {}
        self._pending_facts: dict[str, str] = {}
        self._facts_version = ""
        self._lock = threading.Lock()
        self._commits = True
        self._closed = False

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        views: Iterable[str],
        facts_version: str,
        limit_bytes: int | None = None,
    ) -> "PixelCache":
        """Open or make the cache in `folder` and the shards that hold something of `views`.

        Shards that were not used for longest are removed while all take more than `limit_bytes`, and
        later too, for as long as the run lasts, but for those that it uses itself; later also where the
        disk is nearly full. A cache on a full disk keeps nothing, and says so in `full`.

        Raises:
            DataError: the folder cannot be written.
        """
        limit_bytes = cache_limit_bytes(folder) if limit_bytes is None else limit_bytes
        with _explained(folder):
            try:
                (folder / SHARDS).mkdir(parents=True, exist_ok=True)
                cache = cls(folder, connect_or_make_anew(folder / DATABASE), limit_bytes)
                cache._facts_version = facts_version
                cache._evict(0)
                cache._open_shards(list(views))
            except (OSError, sqlite3.Error) as err:
                if not _is_no_room(err, folder):
                    raise
                cache = cls(folder, connect_or_make_anew(IN_MEMORY), limit_bytes)
                cache._facts_version = facts_version
                cache.full = _DISK_FULL
        return cache

    def close(self) -> None:
        """Commit what is pending and give the files back. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        self.commit()
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
            (self._folder / SHARDS / name).unlink(missing_ok=True)
            raise DataError(
                f"pixels in the cache {str(self._folder)!r} were changed on the disk and have been removed; "
                "start the run again to make them anew"
            )
        return np.frombuffer(data, dtype=np.uint8).reshape(place.height, place.width, 3)

    def put(self, sha256: str, fact: str, pixels: Mapping[str, Pixels]) -> list[Place]:
        """Keep what was noted of a content, and its views, each (H, W, 3) uint8; return where they lie.

        Where there is no room for them, on the disk or within the limit, the places say so.
        """
        places = {(sha256, view): self._append(image) for view, image in pixels.items()}
        with self._lock:
            self._pending.update({key: place for key, place in places.items() if place.kept})
            self._pending_facts[sha256] = fact
        if len(self._pending_facts) >= _COMMIT_EVERY and self._commits:
            self.commit()
        return list(places.values())

    def commit(self) -> None:
        """Make everything put so far last: pixels first, then the rows that name them.

        Where the disk is full it lasts as long as this run, which knows it by heart.

        Raises:
            DataError: the folder is damaged, or cannot be written.
        """
        try:
            self._commit()
        except (OSError, sqlite3.Error) as err:
            if not _is_no_room(err, self._folder):
                with _explained(self._folder):
                    raise
            self.full = _DISK_FULL
            self._commits = False

    def _commit(self) -> None:
        shards = list(self._numbers)
        pixels = [(*key, shards[place.shard], *place[1:]) for key, place in self._pending.items()]
        facts = [
            (sha, self._facts_version, fact, _checksum(fact))
            for sha, fact in self._pending_facts.items()
        ]
        with self._lock, self._database:
            self._writer.sync()
            self._database.executemany(
                "INSERT OR REPLACE INTO checked_pixels VALUES (?, ?, ?, ?, ?, ?, ?)", pixels
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO checked_facts VALUES (?, ?, ?, ?)", facts
            )
            self._pending_facts.clear()
            self._pending.clear()
            # Other runs write too: within the limit is what is there now.
            self._room_bytes = min(self._room_bytes, self._limit_bytes - self._shard_bytes())

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
            path = self._folder / SHARDS / Path(shard).name
            with suppress(FileNotFoundError):
                descriptor = os.open(path, os.O_RDONLY)
                os.utime(path)  # the time of last use, by which shards are removed
            self._numbers[shard] = len(self._descriptors)
            self._descriptors.append(descriptor)
        return self._numbers[shard]

    def _append(self, image: Pixels) -> Place:
        height, width, _ = image.shape
        data = np.ascontiguousarray(image).tobytes()
        checksum = zlib.crc32(data)
        not_kept = Place(NOT_KEPT, 0, height, width, checksum)
        if self.full is not None or not self._has_room(len(data)):
            return not_kept
        with _explained(self._folder):
            offset = self._writer.append(data)
        if offset is None:
            self.full = _DISK_FULL
            return not_kept
        self._room_bytes -= len(data)
        with self._lock:
            number = self._number(self._writer.name)
        return Place(number, offset, height, width, checksum)

    def _has_room(self, num_bytes: int) -> bool:
        """Whether so much may be added; what other runs have left and this one does not use, goes for it."""
        with _explained(self._folder):
            if num_bytes > min(self._room_bytes, _disk_room_bytes(self._folder)):
                with self._lock:
                    self._evict(num_bytes)
            if num_bytes > self._room_bytes:
                self.full = f"it has reached its limit of {self._limit_bytes / 2**30:.3g} GiB"
            elif num_bytes > _disk_room_bytes(self._folder):
                self.full = "its disk is nearly full, and the rest is left for other files"
        return self.full is None

    def _evict(self, wanted_bytes: int) -> None:
        """Make room within the limit and on the disk, the shards first that were not used for longest."""
        total = self._shard_bytes()
        for _, size, path in sorted(self._shard_files()):
            disk_has_room = not wanted_bytes or wanted_bytes <= _disk_room_bytes(self._folder)
            if disk_has_room and total + wanted_bytes <= self._limit_bytes:
                break
            if path.name in self._numbers:
                continue
            with self._database:
                self._database.execute("DELETE FROM checked_pixels WHERE shard = ?", [path.name])
            path.unlink(missing_ok=True)
            total -= size
        self._room_bytes = self._limit_bytes - total

    def _shard_bytes(self) -> int:
        return sum(size for _, size, _ in self._shard_files())

    def _shard_files(self) -> Iterator[tuple[float, int, Path]]:
        """Yield when each was used last, its size and its path."""
        for path in (self._folder / SHARDS).glob("*"):
            with suppress(FileNotFoundError):
                status = path.stat()
                yield status.st_mtime, status.st_size, path


def _disk_room_bytes(folder: Path) -> int:
    """Return what may still be written to a folder's disk, so that others find some room there too."""
    usage = shutil.disk_usage(folder)
    return usage.free - min(_RESERVED_BYTES, int(_RESERVED_SHARE * usage.total))


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
        if error_code(err) in DAMAGED:
            remove_database(folder / DATABASE)
            raise DataError(
                f"the index of the cache {str(folder)!r} was damaged and has been removed; "
                "start the run again to make it anew"
            ) from err
        raise _unusable(folder, str(err)) from err


def _is_no_room(err: OSError | sqlite3.Error, folder: Path) -> bool:
    if isinstance(err, OSError):
        return err.errno in NO_ROOM
    if error_code(err) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        return shutil.disk_usage(above).free < _NO_ROOM_BYTES
    return error_code(err) == sqlite3.SQLITE_FULL


def _unusable(folder: Path, reason: str) -> DataError:
    return DataError(
        f"cache folder {str(folder)!r} cannot be used: {reason}; choose another with --cache-dir"
    )


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _is_sound(shard: object, offset: object, height: object, width: object) -> bool:
    """Whether a row is of numbers that make sense at all: damage makes other types, too."""
    sides = all(isinstance(side, int) and 0 < side <= _MAX_SIDE_PX for side in (height, width))
    return isinstance(shard, str) and isinstance(offset, int) and offset >= 0 and sides
