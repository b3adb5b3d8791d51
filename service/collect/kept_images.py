"""The images that a service has kept, for whoever reviews them: pages of records, paths, marks.

Reads the folder while services write to it, and writes nothing but the marks. See `kept_records.py`
for what is in it.
"""

import os
import threading
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from service.collect.json_lines import append_line
from service.collect.kept_day import KeptDay, KeptImage
from service.collect.kept_records import (
    DAY_FOLDER,
    HANDLED_FILE,
    Handled,
    KeptAnswer,
    as_line,
    check_label,
    now,
)
from service.keep_policy import Reason

Order = Literal["newest", "least sure"]
_NINES: Final = str.maketrans("0123456789", "9876543210")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some images in order; `total` counts all that the page was taken from."""

    images: tuple[KeptImage, ...]
    total: int


class KeptImages:
    """The kept images of a folder. Each call sees what was written before it. For several threads."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the service's `GRAFT_KEEP_DIR`; one that is not there holds nothing."""
        self._folder = folder
        self._days: dict[str, KeptDay] = {}
        self._lock = threading.Lock()

    def page(
        self,
        *,
        order: Order = "newest",
        reason: Reason | None = None,
        handled: bool | None = False,
        model: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return up to `limit` images.

        Args:
            order: the newest first, or the least probable label first.
            reason: only those that were kept for it.
            handled: only those that a person has dealt with, or has not; None for both.
            model: only those that this model answered.
            after: the sha256 of the last image of the page before. It may have been handled
                since; where it is gone, the first page comes again.
            limit: 1 or more.

        Raises:
            OSError: the folder cannot be read.
        """
        key = _newest_first if order == "newest" else _least_sure_first
        with self._lock:
            self._refresh()
            answers = [a for day in self._days.values() for a in day.answers(handled=handled)]
            wanted = [
                answer
                for answer in answers
                if (reason is None or reason in answer.reasons)
                and (model is None or answer.model == model)
            ]
            wanted.sort(key=key)
            last = self._find(after) if after is not None else None
            begin = bisect_right(wanted, key(last.answer), key=key) if last is not None else 0
            shown = (self._find(answer.sha256) for answer in wanted[begin : begin + limit])
            images = tuple(image for image in shown if image is not None)
        return Page(images=images, total=len(wanted))

    def find(self, sha256: str) -> KeptImage | None:
        """Return one image; None where it is not kept (any more).

        Raises:
            OSError: the folder cannot be read.
        """
        with self._lock:
            self._refresh()
            return self._find(sha256)

    def mark_handled(self, sha256: str, label: str | None, *, undone: bool = False) -> bool:
        """Note what a person decided: a label, or None where the image is of no use; the last mark counts.

        With `undone` nothing is decided any more.

        It is on the disk when this returns. The image stays until it is too old.

        Returns:
            Whether the image was there.

        Raises:
            ValueError: no folder of images could have the label's name.
            OSError: the mark cannot be written.
        """
        label = check_label(label) if label is not None else None
        image = self.find(sha256)
        if image is None:
            return False
        mark = Handled(sha256=sha256, time=now(), label=label, undone=undone)
        append_line(image.path.parent / HANDLED_FILE, as_line(mark), sync=True)
        return True

    def _refresh(self) -> None:
        names = set(day_folders(self._folder))
        for gone in self._days.keys() - names:
            del self._days[gone]
        for name in names:
            day = self._days.setdefault(name, KeptDay(self._folder / name))
            try:
                day.refresh()
            except FileNotFoundError:  # removed meanwhile
                del self._days[name]

    def _find(self, sha256: str) -> KeptImage | None:
        found = (day.find(sha256) for day in self._days.values())
        return next((image for image in found if image is not None), None)


def day_folders(folder: Path) -> list[str]:
    """Return the names of the days' folders, the oldest first.

    Raises:
        OSError: the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(e.name for e in entries if DAY_FOLDER.fullmatch(e.name) and e.is_dir())
    except FileNotFoundError:
        return []


def _newest_first(answer: KeptAnswer) -> tuple[str, str]:
    # Digits are reversed, so that a later time comes first.
    return answer.time.translate(_NINES), answer.sha256


def _least_sure_first(answer: KeptAnswer) -> tuple[float, str]:
    return answer.probability, answer.sha256
