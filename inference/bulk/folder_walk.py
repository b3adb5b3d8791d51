"""The images of a folder, found as they are needed: a folder of a million files starts at once.

The same rule and order as `folder_tree.py`, which keeps what it found; here only the names of one folder,
and of those above it, are held at a time.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from inference.bulk.items import Item, Source, file_item, problem_item
from inference.bulk.video_frames import FrameReader
from inference.clutter import is_clutter
from inference.file_kinds import VIDEO, FileKind
from inference.files import reason_of
from inference.folder_tree import has_image_suffix, is_folder, kind_of_file


def folder_source(root: Path, frames: FrameReader | None, unread: Counter[FileKind]) -> Source:
    """Return the images below `root`; with `frames` also those of its videos.

    A folder that cannot be listed is one item with that problem. Other files are counted in `unread` when
    they are met.
    """
    return Source(
        items=lambda: _items(root, frames, unread), count=lambda: None if frames else _count(root)
    )


def _items(root: Path, frames: FrameReader | None, unread: Counter[FileKind]) -> Iterator[Item]:
    for path, problem in _walk(str(root)):
        if problem is not None:
            yield problem_item(path, f"folder cannot be listed: {reason_of(problem)}")
        elif has_image_suffix(path) or (kind := kind_of_file(path)).is_read:
            yield file_item(Path(path), path)
        elif frames is not None and kind == VIDEO:
            yield from frames.items(Path(path), path)
        else:
            unread[kind] += 1


def _count(root: Path) -> int:
    return sum(
        problem is not None or has_image_suffix(path) or kind_of_file(path).is_read
        for path, problem in _walk(str(root))
    )


def _walk(root: str) -> Iterator[tuple[str, OSError | None]]:
    """Yield every file but clutter: a folder's own, by name, and then those of its subfolders."""
    real = os.path.realpath(root)
    seen = {real, *map(str, Path(real).parents)}  # a link up the tree leads out of what was given
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        files: list[str] = []
        below: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not is_clutter(entry.name):
                        (below if is_folder(entry) else files).append(entry.name)
        except OSError as err:
            yield folder, err
            continue
        files.sort()
        for name in files:
            yield os.path.join(folder, name), None
        waiting += reversed(_new_folders(folder, sorted(below), seen))


def _new_folders(folder: str, names: list[str], seen: set[str]) -> list[str]:
    """Return the paths of those that no other path has led to, and remember them."""
    found = []
    for name in names:
        path = os.path.join(folder, name)
        real = os.path.realpath(path)
        if real not in seen:
            seen.add(real)
            found.append(path)
    return found
