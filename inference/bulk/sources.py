"""What a person gives to be answered: folders, image files, zip archives, lists of paths, or a pipe."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from inference.bulk.folder_walk import folder_source
from inference.bulk.items import Item, Source, file_item
from inference.bulk.path_list import list_source, standard_input_source
from inference.bulk.video_frames import FrameReader
from inference.bulk.zip_members import zip_source
from inference.errors import UsageError
from inference.file_kinds import TEXT, VIDEO, ZIP, FileKind
from inference.find_package import suggestion
from inference.folder_tree import has_image_suffix, kind_of_file

STANDARD_INPUT: Final = "-"
_LIST_SUFFIXES: Final = frozenset({".txt", ".lst", ".list"})


def open_sources(
    arguments: Sequence[str], frames: FrameReader | None, unread: Counter[FileKind] | None = None
) -> Source:
    """Return all that the arguments lead to, one argument after the other.

    Args:
        arguments: as a person gives them.
        frames: reads videos, if they are to be read.
        unread: counts the files of folders and archives that are not read, as they are met.

    Raises:
        FileNotFoundError: there is no such file or folder.
        UsageError: an archive or a list that cannot be used, or a video without `frames`.
        OSError: an archive cannot be read.
    """
    others = Counter() if unread is None else unread
    sources = [_source(argument, frames, others) for argument in arguments]

    def items() -> Iterator[Item]:
        for source in sources:
            yield from source.items()

    def count() -> int | None:
        total = 0
        for source in sources:
            number = source.count()
            if number is None:
                return None
            total += number
        return total

    return Source(items=items, count=count)


def _source(argument: str, frames: FrameReader | None, unread: Counter[FileKind]) -> Source:
    if argument == STANDARD_INPUT:
        return standard_input_source(frames)
    path = Path(argument)
    if path.is_dir():
        return folder_source(path, frames, unread)
    if not path.exists():
        raise FileNotFoundError(f"no file or folder {argument!r}{suggestion(path)}")
    if not path.is_file():
        raise FileNotFoundError(f"{argument!r} is neither a file nor a folder")
    if kind_of_file(argument) == ZIP:
        return zip_source(path, argument, unread)
    return _file_source(path, argument, frames)


def _file_source(path: Path, argument: str, frames: FrameReader | None) -> Source:
    kind = kind_of_file(argument)
    may_be_list = not (kind.is_read or has_image_suffix(argument))
    if may_be_list and (kind == TEXT or path.suffix.lower() in _LIST_SUFFIXES):
        return list_source(path, frames)
    if kind == VIDEO:
        if frames is None:
            raise UsageError(f"{argument!r} is a video; add --video --every 1s")
        return Source(items=lambda: frames.items(path, argument), count=lambda: None)
    name = os.fspath(argument)
    return Source(items=lambda: iter([file_item(path, name)]), count=lambda: 1)
