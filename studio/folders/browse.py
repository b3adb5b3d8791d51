"""What a folder holds, for choosing one."""

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.formats import IMAGE_SUFFIXES
from studio.errors import NotAllowed
from training.data.layout import natural_key

# More than a person scrolls through; the box for a path takes any.
_MOST_SHOWN: Final = 500
# A look into each subfolder, no further: counting 100,000 files takes seconds.
_LOOKED_AT: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subfolder:
    """A folder to enter or to choose; `images` and `folders` directly in it, as far as was looked."""

    name: str
    path: str
    images: int
    folders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderView:
    """A folder: its subfolders in natural order, `more` where not all are here.

    `parent` is None at a root. `example_images` are files directly in it.
    """

    path: str
    parent: str | None
    images: int
    subfolders: tuple[Subfolder, ...]
    more: int


def view_folder(folder: Path, roots: Sequence[Path]) -> FolderView:
    """Look into a folder that may be chosen.

    Raises:
        NotAllowed: it may not be read.
    """
    found = _entries(folder)
    names = _folder_names(found)
    return FolderView(
        path=str(folder),
        parent=None if folder in roots else str(folder.parent),
        images=sum(_is_image(e.name) for e in found),
        subfolders=tuple(_look_into(folder / name) for name in names[:_MOST_SHOWN]),
        more=max(0, len(names) - _MOST_SHOWN),
    )


def count_classes(folder: Path) -> list[tuple[str, int]]:
    """Return all subfolders with all images directly in them, in natural order.

    Raises:
        NotAllowed: the folder may not be read.
    """
    names = _folder_names(_entries(folder))
    looked = [_look_into(folder / name, at_most=None) for name in names]
    return [(subfolder.name, subfolder.images) for subfolder in looked]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as err:
        raise NotAllowed(f"the folder {str(folder)!r} cannot be read: {err.strerror}") from err


def _folder_names(entries: list[os.DirEntry[str]]) -> list[str]:
    return sorted((e.name for e in entries if _is_folder(e)), key=natural_key)


def _look_into(path: Path, *, at_most: int | None = _LOOKED_AT) -> Subfolder:
    images = folders = 0
    try:
        with os.scandir(path) as entries:
            for number, entry in enumerate(entries):
                if number == at_most:
                    break
                images += _is_image(entry.name)
                folders += not entry.name.startswith(".") and _is_folder(entry)
    except OSError:  # it may not be read: shown without counts
        pass
    name = unicodedata.normalize("NFC", path.name)
    return Subfolder(name=name, path=str(path), images=images, folders=folders)


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
