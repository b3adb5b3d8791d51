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
from service.collect.kept_records import DAY_FOLDER, IMAGE_FILE

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

    def could_hold(self, num_bytes: int) -> bool:
        """Return whether there would be room for a file if there were no other."""
        return _on_disk(num_bytes) <= self.max_bytes * _FILL_TO

    def take(self, num_bytes: int) -> bool:
        """Make room for a file, which the caller writes then; return whether there is.

        Raises:
            OSError: the folder cannot be read or written.
        """
        return self._take(_on_disk(num_bytes))

    def take_to_append(self, file: Path, num_bytes: int) -> bool:
        """Make room for what the caller appends to a file then; return whether there is.

        Raises:
            OSError: the folder cannot be read or written.
        """
        size = _size(file)
        return self._take(_on_disk(size + num_bytes) - _on_disk(size))

    def _take(self, needed: int) -> bool:
        used = self._read_used()
        if used is None or used + needed > self.max_bytes:
            used = self._make_room(needed)
        is_room = used + needed <= self.max_bytes
        self._write_used(used + needed if is_room else used)
        return is_room

    def remove_old(self) -> None:
        """Remove the days that are over, and have all files looked at again.

        What is written beside the images, such as a person's decisions, is seen then.

        Raises:
            OSError: the folder cannot be read.
        """
        oldest = (datetime.now(UTC) - timedelta(days=self.max_days)).date().isoformat()
        for day in day_folders(self.folder):
            if day < oldest:
                shutil.rmtree(self.folder / day, ignore_errors=True)
        with suppress(OSError):
            (self.folder / _USED_FILE).unlink(missing_ok=True)

    def _make_room(self, needed: int) -> int:
        """Remove the oldest images until `needed` bytes fit; return what the others take.

        Where they would not fit without any image either, none is removed. A day whose last image was
        removed is removed too, but for this one.
        """
        may_use = self.max_bytes * _FILL_TO - needed
        used = stays = 0
        for file in _files(self.folder):
            used += file.on_disk
            stays += file.on_disk if file.stays else 0
        if stays > may_use:
            return used
        for day in day_folders(self.folder):
            if used <= may_use:
                break
            files = sorted(_files(self.folder / day), key=lambda file: file.mtime_ns)
            for image in (file for file in files if file.is_image):
                if used <= may_use:
                    break
                image.path.unlink(missing_ok=True)
                used -= image.on_disk
            else:
                if day != today():
                    shutil.rmtree(self.folder / day, ignore_errors=True)
                    used -= sum(file.on_disk for file in files if not file.is_image)
        return max(used, 0)

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


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _on_disk(num_bytes: int) -> int:
    return -(-num_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: Path
    on_disk: int
    mtime_ns: int

    @property
    def is_image(self) -> bool:
        return IMAGE_FILE.fullmatch(self.path.name) is not None

    @property
    def stays(self) -> bool:
        """Whether it is not removed to make room: it is of no day, or of this one and no image."""
        day = self.path.parent.name
        return DAY_FOLDER.fullmatch(day) is None or (day == today() and not self.is_image)


def _files(folder: Path) -> Iterator[_File]:
    """Yield the files under a folder, but for those that go meanwhile."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(Path(entry))
                else:
                    found = entry.stat()
                    yield _File(
                        path=Path(entry),
                        on_disk=_on_disk(found.st_size),
                        mtime_ns=found.st_mtime_ns,
                    )
