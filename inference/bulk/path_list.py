"""A list of image files: one path a line, relative to the list's own folder, or read from a pipe."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from inference.bulk.items import Item, Source, file_item
from inference.bulk.video_frames import FrameReader
from inference.file_kinds import VIDEO
from inference.folder_tree import has_image_suffix, kind_of_file

_BOM: Final = b"\xef\xbb\xbf"


def list_source(file: Path, frames: FrameReader | None) -> Source:
    """Return the images that a list names; a row is called as its line."""

    def items() -> Iterator[Item]:
        with file.open("rb") as lines:
            yield from _items(lines, file.parent, frames)

    def count() -> int | None:
        with file.open("rb") as lines:
            return None if frames else sum(1 for _ in _paths(lines))

    return Source(items=items, count=count)


def standard_input_source(frames: FrameReader | None) -> Source:
    """Return the images whose paths come from the standard input, relative to the working folder."""
    return Source(items=lambda: _items(sys.stdin.buffer, Path(), frames), count=lambda: None)


def _items(lines: IO[bytes], base: Path, frames: FrameReader | None) -> Iterator[Item]:
    for path in _paths(lines):
        file = base / path
        if frames is not None and not has_image_suffix(path) and kind_of_file(str(file)) == VIDEO:
            yield from frames.items(file, path)
        else:
            yield file_item(file, path)


def _paths(lines: IO[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines):
        text = line.removeprefix(_BOM) if number == 0 else line
        if path := os.fsdecode(text).rstrip("\r\n"):
            yield path
