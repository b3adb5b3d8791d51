"""What lies in a folder, looked at once: images, other files by kind, subfolders. No image is opened.

The one rule of what is an image in a folder, for training and for bulk prediction: a file with the suffix
of an image, and one without or with another suffix whose first bytes are an image's. Clutter is left
alone. A link is followed, and each real folder is looked at once, however many links lead to it.
"""

import os
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

from inference.clutter import is_clutter
from inference.file_kinds import KIND_BYTES, UNKNOWN, FileKind, file_kind
from inference.formats import IMAGE_SUFFIXES


@dataclass(slots=True, kw_only=True)
class TreeFolder:
    """A real folder.

    Attributes:
        real: its path with every link resolved.
        images: names of image files, sorted.
        odd: those of them whose suffix is no image's; their first bytes are.
        others: names and kinds of all other files, sorted.
        subfolders: by name, sorted; two names may lead to one folder, and links may make circles.
        clutter: names that were left alone.
        problem: why it cannot be listed.
    """

    real: str
    images: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    others: list[tuple[str, FileKind]] = field(default_factory=list)
    subfolders: dict[str, "TreeFolder"] = field(default_factory=dict)
    clutter: list[str] = field(default_factory=list)
    problem: OSError | None = None


def read_tree(root: Path) -> TreeFolder:
    """Look at `root` and all below it. Raises nothing: a folder that cannot be listed has a `problem`."""
    real = os.path.realpath(root)
    above = {os.path.realpath(parent) for parent in Path(real).parents}
    return _Reader(above).folder(str(root), real)


def walk(
    folder: TreeFolder, path: Path, *, above: Set[str] = frozenset()
) -> Iterator[tuple[Path, TreeFolder]]:
    """Yield the folder and those below it with their paths, each once; none of those `above` it.

    In the order of `os.walk` with sorted names: a folder's own files come before its subfolders'.
    """
    seen = {*above, folder.real}
    waiting = [(path, folder)]
    while waiting:
        at, current = waiting.pop()
        yield at, current
        below = []
        for name, sub in current.subfolders.items():
            if sub.real not in seen:
                seen.add(sub.real)
                below.append((at / name, sub))
        waiting += reversed(below)


class _Reader:
    """Remembers the folders that it has looked at, by their real path."""

    def __init__(self, above: Set[str]) -> None:
        self._above = above
        self._folders: dict[str, TreeFolder] = {}

    def folder(self, root: str, real: str) -> TreeFolder:
        """Return the folder; what it leads to is filled in without recursion, for trees are deep."""
        top = self._folders[real] = TreeFolder(real=real)
        waiting = [(root, top)]
        while waiting:
            path, current = waiting.pop()
            for name, sub_path in self._list(path, current):
                sub_real = os.path.realpath(sub_path)
                if sub_real in self._above:
                    continue  # a link up the tree
                known = self._folders.get(sub_real)
                if known is None:
                    known = self._folders[sub_real] = TreeFolder(real=sub_real)
                    waiting.append((sub_path, known))
                current.subfolders[name] = known
        return top

    def _list(self, path: str, folder: TreeFolder) -> list[tuple[str, str]]:
        """Fill in the folder's files; return name and path of its subfolders."""
        below = []
        try:
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as err:
            folder.problem = err
            return []
        for entry in listed:
            if is_clutter(entry.name):
                folder.clutter.append(entry.name)
            elif is_folder(entry):
                below.append((entry.name, entry.path))
            else:
                _add_file(folder, entry)
        return below


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _add_file(folder: TreeFolder, entry: "os.DirEntry[str]") -> None:
    if has_image_suffix(entry.name):
        folder.images.append(entry.name)
        return
    kind = kind_of_file(entry.path)
    if kind.is_read:
        folder.images.append(entry.name)
        folder.odd.append(entry.name)
    else:
        folder.others.append((entry.name, kind))


def has_image_suffix(name: str) -> bool:
    """Whether a file of that name is an image without a look into it."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def kind_of_file(path: str) -> FileKind:
    """Return the kind that a file's first bytes tell; unknown where they cannot be read."""
    try:
        if not os.path.isfile(path):  # a pipe would be waited for
            return UNKNOWN
        with open(path, "rb") as file:
            return file_kind(file.read(KIND_BYTES))
    except OSError:
        return UNKNOWN
