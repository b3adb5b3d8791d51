"""What the person said about images: `corrections.csv`, in the format of `--labels`. Photos stay as they are.

A line an image, `file_name,sha256,label,note`; an empty label leaves the image out of training, the label of
its folder confirms it. The hash names the image, so it may be renamed or moved; the path is for people, and
names the images of lines from elsewhere that have no hash.
"""

import csv
import io
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.file_lock import locked
from studio.errors import BadInput, DiskProblem

FILE: Final = "corrections.csv"
_COLUMNS: Final = ("file_name", "sha256", "label", "note")
_LOCK: Final = ".changing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What was said about one image. `label` is empty where it is left out."""

    file_name: str
    sha256: str
    label: str
    note: str = ""

    @property
    def key(self) -> str:
        """What it is found by: the content hash, else the file's name."""
        return self.sha256 or self.file_name


class Corrections:
    """The file. Every change is on the disk when the call returns, also beside another studio's."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, Correction] = {}

    def read(self) -> Mapping[str, Correction]:
        """Return what was said, by content hash (else file name), in the order in which it was said.

        Raises:
            BadInput: somebody has made the file unreadable.
        """
        try:
            found = self.file.stat()
        except FileNotFoundError:
            self._stamp, self._known = None, {}
            return {}
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            self._known = _parse(self.file)
            self._stamp = stamp
        return self._known

    def put(self, *corrections: Correction) -> list[Correction | None]:
        """Note what was said; return what was said of these images before.

        Raises:
            DiskProblem: the file cannot be written; what it held stays.
        """
        return self._change({c.key: c for c in corrections})

    def remove(self, *sha256s: str) -> list[Correction | None]:
        """Forget what was said about images; return it.

        Raises:
            DiskProblem: as `put`.
        """
        return self._change(dict.fromkeys(sha256s))

    def _change(self, new: Mapping[str, Correction | None]) -> list[Correction | None]:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with locked(self.file.with_name(_LOCK)):
                known = dict(self.read())
                # Popped, so that what was said last stands last.
                before = [known.pop(sha256, None) for sha256 in new]
                known |= {sha256: c for sha256, c in new.items() if c is not None}
                _write(self.file, known)
                self._stamp = None
        except OSError as err:
            raise DiskProblem(
                f"the answer could not be written to {self.file.name!r}: {err.strerror or err}; make room "
                "and answer again"
            ) from err
        return before


def _parse(file: Path) -> dict[str, Correction]:
    try:
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))
        found = [Correction(**{name: row[name] or "" for name in _COLUMNS}) for row in rows]
    except (OSError, ValueError, KeyError, csv.Error) as err:
        raise BadInput(
            f"{str(file)!r} cannot be read as a file of corrections ({type(err).__name__}); mend it, or move "
            "it away to begin a new one"
        ) from err
    return {correction.key: correction for correction in found}


def _write(file: Path, known: Mapping[str, Correction]) -> None:
    temporary = file.with_name(f".{file.name}-{secrets.token_hex(6)}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(_COLUMNS)
            writer.writerows((c.file_name, c.sha256, c.label, c.note) for c in known.values())
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
