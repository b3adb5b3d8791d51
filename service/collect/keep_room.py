"""How much the folder of kept images may hold: the oldest go when it is too full, or too old."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from service.collect.kept_images import day_folders
from service.collect.kept_records import IMAGE_FILE

# The processes that share a folder count together here, or each would fill it.
_USED_FILE: Final = ".used"
_BLOCK_BYTES: Final = 4096
# Looking at all files is needed once for so much of the bound.
_FILL_TO: Final = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRoom:
    """The bounds of a folder. Call its methods under the folder's lock.

    Attributes:
        folder: holds a folder for each day.
        max_bytes: of all files in it, each in whole blocks.
        max_days: how many days an image is kept.
    """

    folder: Path
    max_bytes: int
    max_days: int

    def take(self, num_bytes: int) -> bool:
        """Make room for a file, which the caller writes then; return whether there is.

        Raises:
            OSError: the folder cannot be read or written.
        """
        needed = _on_disk(num_bytes)
        if needed > self.max_bytes * _FILL_TO:
            return False
        used = self._read_used()
        if used is None or used + needed > self.max_bytes:
            used = self._make_room(needed)
        self._write_used(used + needed)
        return True

    def remove_old(self) -> None:
        """Remove the days that are over.

        Raises:
            OSError: the folder cannot be read.
        """
        oldest = (datetime.now(UTC) - timedelta(days=self.max_days)).date().isoformat()
        gone = [day for day in day_folders(self.folder) if day < oldest]
        for day in gone:
            shutil.rmtree(self.folder / day, ignore_errors=True)
        if gone:
            with suppress(OSError):
                (self.folder / _USED_FILE).unlink(missing_ok=True)

    def _make_room(self, needed: int) -> int:
        """Remove the oldest images until `needed` bytes fit; return what the others take."""
        used = sum(_on_disk(entry.stat().st_size) for entry in _files(self.folder))
        for image in self._oldest_first():
            if used + needed <= self.max_bytes * _FILL_TO:
                break
            size = image.stat().st_size
            image.unlink(missing_ok=True)
            used -= _on_disk(size)
        return max(used, 0)

    def _oldest_first(self) -> Iterator[Path]:
        """Yield the images; a day whose last one was removed is removed too."""
        for day in day_folders(self.folder):
            files = [e for e in _files(self.folder / day) if IMAGE_FILE.fullmatch(e.name)]
            files.sort(key=lambda entry: entry.stat().st_mtime_ns)
            yield from (Path(entry) for entry in files)
            if day != today():
                shutil.rmtree(self.folder / day, ignore_errors=True)

    def _read_used(self) -> int | None:
        try:
            return int((self.folder / _USED_FILE).read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return None

    def _write_used(self, used: int) -> None:
        # In its place and always as long: on a full disk that still works.
        descriptor = os.open(self.folder / _USED_FILE, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{used:020d}".encode("ascii"))
        finally:
            os.close(descriptor)


def today() -> str:
    """Return the name of this day's folder."""
    return datetime.now(UTC).date().isoformat()


def _on_disk(num_bytes: int) -> int:
    return -(-num_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry))
            else:
                yield entry
