"""Which image of a folder a line of a labels file means: by its content, else by its path."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from inference.errors import ImageError
from inference.image_file import read_image_file
from training.data.labels_file import LabelLine

_DRIVE: Final = re.compile(r"^[A-Za-z]:/")


class ListedImages:
    """The images of a folder, to be found by what a person, or another program, calls them."""

    def __init__(self, root: Path, images: Sequence[Path]) -> None:
        self._root = root
        self._images = images
        self._by_path: dict[str, Path] = {}
        self._by_name: dict[str, list[Path]] = {}
        for path in images:
            below = _plain(path.relative_to(root).as_posix())
            self._by_path[below] = path
            for name in {below.rpartition("/")[2], _stem(below)}:
                self._by_name.setdefault(name, []).append(path)
        self._hashed: dict[Path, str] = {}

    def find(self, file_name: str, *, beside: Path) -> Path | None:
        """Return the image of that name; None where there is none, or more than one.

        A name may be a path below the data folder, or below the folder `beside` that the list lies in;
        an absolute path of another machine; or the bare name, also without suffix.
        """
        name = _plain(file_name)
        for candidate in self._candidates(name, beside):
            if candidate in self._by_path:
                return self._by_path[candidate]
        if "/" not in name:
            found = self._by_name.get(name, [])
            return found[0] if len(found) == 1 else None
        return None

    def of_content(self, lines: Sequence[LabelLine], *, beside: Path) -> dict[str, list[Path]]:
        """Return the images of each content that the lines name.

        No more files are read than needed: those that lie where their line says, and others of the same
        size; all of them only where a content lies elsewhere.
        """
        wanted = {line.sha256 for line in lines if line.sha256}
        if not wanted:
            return {}
        found: dict[str, list[Path]] = {}
        here = (self.find(line.file_name, beside=beside) for line in lines if line.sha256)
        for path in dict.fromkeys(path for path in here if path is not None):
            self._note(path, wanted, found)
        rest = [path for path in self._images if path not in self._hashed]
        if found.keys() == wanted:
            sizes = {_size(path) for paths in found.values() for path in paths}
            rest = [path for path in rest if _size(path) in sizes]
        for path in rest:
            self._note(path, wanted, found)
        return found

    def _note(self, path: Path, wanted: "set[str]", found: "dict[str, list[Path]]") -> None:
        try:
            digest = hashlib.sha256(read_image_file(path)).hexdigest()
        except (ImageError, OSError):  # the scan says it
            digest = ""
        self._hashed[path] = digest
        if digest in wanted:
            found.setdefault(digest, []).append(path)

    def _candidates(self, name: str, beside: Path) -> Iterator[str]:
        yield name
        if beside.is_relative_to(self._root) and beside != self._root:
            yield f"{_plain(beside.relative_to(self._root).as_posix())}/{name}"
        parts = name.split("/")
        if name.startswith("/") or _DRIVE.match(name):
            yield from ("/".join(parts[start:]) for start in range(1, len(parts)))
        elif parts[0] == _plain(self._root.resolve().name):
            yield "/".join(parts[1:])


def _plain(name: str) -> str:
    """Return a path as it is compared: `/` between folders, letters composed."""
    return unicodedata.normalize("NFC", name.replace("\\", "/")).removeprefix("./")


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0] or name.rpartition("/")[2]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
