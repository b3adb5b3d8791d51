"""One day's folder of kept images, as far as it has been read."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic

from service.collect.json_lines import LineReader
from service.collect.kept_records import (
    ANSWERS_FILE,
    FEEDBACK_FILE,
    HANDLED_FILE,
    IMAGE_FILE,
    Feedback,
    Handled,
    KeptAnswer,
    Record,
    from_line,
)

_SETTLED_NS: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptImage:
    """An image that was kept, the newest answer to it, and what was said of it last."""

    path: Path
    answer: KeptAnswer
    feedback: Feedback | None
    handled: Handled | None


class KeptDay:
    """Reads what was added since the last look. Not for several threads at one time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: frozenset[str] = frozenset()
        self._files_at: int | None = None
        self._answers = _Records(folder / ANSWERS_FILE, KeptAnswer)
        self._feedback = _Records(folder / FEEDBACK_FILE, Feedback)
        self._handled = _Records(folder / HANDLED_FILE, Handled)

    def refresh(self) -> None:
        """Look at the folder again.

        Raises:
            OSError: it is gone or cannot be read.
        """
        changed_at = self._folder.stat().st_mtime_ns
        if changed_at != self._files_at:
            with os.scandir(self._folder) as entries:
                names = (entry.name for entry in entries)
                self._files = frozenset(name for name in names if IMAGE_FILE.fullmatch(name))
            # A file that comes within the clock's next tick changes nothing in the folder's time.
            settled = time.time_ns() - changed_at > _SETTLED_NS
            self._files_at = changed_at if settled else None
        for records in (self._answers, self._feedback, self._handled):
            records.refresh()

    def answers(self, *, handled: bool | None) -> list[KeptAnswer]:
        """Return the newest answer to each image that is there; `handled` as in `KeptImages.page`."""
        return [
            answer
            for answer in self._answers.latest.values()
            if answer.file in self._files
            and (handled is None or (self._mark(answer.sha256) is not None) == handled)
        ]

    def find(self, sha256: str) -> KeptImage | None:
        """Return one image, if it is there."""
        answer = self._answers.latest.get(sha256)
        if answer is None or answer.file not in self._files:
            return None
        return self._image(answer)

    def _image(self, answer: KeptAnswer) -> KeptImage:
        return KeptImage(
            path=self._folder / answer.file,
            answer=answer,
            feedback=self._feedback.latest.get(answer.sha256),
            handled=self._mark(answer.sha256),
        )

    def _mark(self, sha256: str) -> Handled | None:
        mark = self._handled.latest.get(sha256)
        return None if mark is None or mark.undone else mark


class _Records(Generic[Record]):
    """The last record of each image in one file."""

    def __init__(self, file: Path, kind: type[Record]) -> None:
        self._reader = LineReader(file)
        self._kind: type[Record] = kind
        self.latest: dict[str, Record] = {}

    def refresh(self) -> None:
        lines, begins = self._reader.read()
        if begins:
            self.latest.clear()
        for line in lines:
            record = from_line(self._kind, line)
            if record is not None:
                self.latest[record.sha256] = record
