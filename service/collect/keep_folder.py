"""Writes what is kept: an image and its answer, whole or not at all, by several processes at one time."""

import errno
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from inference.file_lock import locked
from service.collect.json_lines import append_line
from service.collect.keep_room import KeepRoom, today
from service.collect.kept_images import day_folders
from service.collect.kept_records import (
    ANSWERS_FILE,
    FEEDBACK_FILE,
    SUFFIXES,
    Feedback,
    KeptAnswer,
    as_line,
)
from service.collect.stripping import StrippedImage

Stored = Literal["kept", "already_kept", "too_large"]

_LOCK_FILE: Final = ".lock"
_TEMPORARY: Final = ".writing"
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
# A day, where one image comes again and again, as from a camera that has stopped.
_MAX_LINES_BYTES: Final = 8 * 2**20
_ANSWER_BYTES: Final = 1024


class KeepFolder:
    """The folder `GRAFT_KEEP_DIR` with its bounds. Blocking: not for the event loop."""

    def __init__(self, room: KeepRoom) -> None:
        self._room = room
        self._folder = room.folder
        self._lock_file = room.folder / _LOCK_FILE

    def prepare(self) -> None:
        """Make the folder, for its owner alone.

        Raises:
            OSError: it cannot be made or written.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self._lock_file):
            pass

    def store(self, image: StrippedImage, answer: Callable[..., KeptAnswer]) -> Stored:
        """Keep an image once, and the answer beside it.

        Args:
            image: the image.
            answer: makes the record, given `sha256`, `file` and `copied_from`.

        Raises:
            OSError: the folder cannot be written; nothing is kept then.
        """
        sha256 = hashlib.sha256(image.data).hexdigest()
        file = f"{sha256}{SUFFIXES[image.image_format]}"
        line = as_line(answer(sha256=sha256, file=file, copied_from=image.copied_from))
        with locked(self._lock_file):
            there = self._find(file)
            if there is not None:
                is_room = self._room.take_to_append(there / ANSWERS_FILE, len(line))
                if is_room and (there / file).exists():  # it did not make the room itself
                    _append_bounded(there / ANSWERS_FILE, line)
                return "already_kept"
            num_bytes = len(image.data) + _ANSWER_BYTES
            if not self._room.could_hold(num_bytes):
                return "too_large"
            if not self._room.take(num_bytes):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            day = self._folder / today()
            day.mkdir(exist_ok=True, mode=0o700)
            _write(day / file, image.data)
            try:
                append_line(day / ANSWERS_FILE, line)
            except OSError:
                (day / file).unlink()
                raise
        return "kept"

    def add_feedback(self, day: str, feedback: Feedback) -> None:
        """Put a right label beside its image; it is on the disk when this returns.

        Raises:
            OSError: it cannot be written, or there is no room for it.
        """
        line = as_line(feedback)
        with locked(self._lock_file):
            file = self._folder / day / FEEDBACK_FILE
            if not self._room.take_to_append(file, len(line)):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if not _append_bounded(file, line, sync=True):
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    def remove_old(self) -> None:
        """Remove what is older than it may be.

        Raises:
            OSError: the folder cannot be read.
        """
        with locked(self._lock_file):
            self._room.remove_old()

    def _find(self, file: str) -> Path | None:
        """Return the folder of the day on which an image was kept."""
        days = (self._folder / day for day in reversed(day_folders(self._folder)))
        return next((day for day in days if (day / file).exists()), None)


def _append_bounded(file: Path, line: str, *, sync: bool = False) -> bool:
    """Append a line, unless the file has had enough of them; return whether it did."""
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        size = 0
    if size > _MAX_LINES_BYTES:
        return False
    append_line(file, line, sync=sync)
    return True


def _write(file: Path, data: bytes) -> None:
    temporary = file.with_name(_TEMPORARY)  # one: the lock is held
    try:
        descriptor = os.open(temporary, _FLAGS, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(data)
        temporary.replace(file)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
