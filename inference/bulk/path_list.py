"""A list of image files: one path a line, relative to the list's own folder, or read from a pipe.

A table (CSV) is one too: by its column of file names.
"""

import codecs
import csv
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Final

from inference.bulk.items import Item, Source, file_item
from inference.bulk.video_frames import FrameReader
from inference.errors import UsageError
from inference.file_kinds import VIDEO
from inference.folder_tree import has_image_suffix, kind_of_file

_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FILE_COLUMNS: Final = (
    *("file_name", "filename", "file", "filepath", "file_path", "path", "image", "image_path"),
    *("image_name", "image_file", "img"),
)
_TABLES: Final = (".csv", ".tsv")


def list_source(file: Path, frames: FrameReader | None) -> Source:
    """Return the images that a list names; a row is called as its line.

    Raises:
        UsageError: it is a table without a column of file names.
        OSError: it cannot be read.
    """
    with file.open("rb") as lines:
        _check_table(file, next(_lines(lines), ""))

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
    every = _lines(lines)
    first = next(every, None)
    if first is None:
        return
    delimiter = _delimiter(first)
    header = _file_column(first, delimiter)
    if header is None and not _is_row(first, delimiter):
        yield from chain([first], every)
        return
    column = header or 0
    for row in _rows(every if header is not None else chain([first], every), delimiter):
        if len(row) > column and (path := row[column].strip()):
            yield path


def _lines(lines: IO[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == 0 and line.startswith(_UTF16_BOMS):  # as PowerShell and Excel write
            whole = (line + lines.read()).decode("utf-16", "replace")
            yield from filter(None, (path.rstrip("\r") for path in whole.split("\n")))
            return
        text = line.removeprefix(_BOM) if number == 0 else line
        if path := os.fsdecode(text).rstrip("\r\n"):
            yield path


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _file_column(header: str, delimiter: str) -> int | None:
    """Return the place of the file names where the line names columns."""
    (cells,) = _rows([header], delimiter)
    names = [cell.strip().casefold() for cell in cells]
    if len(names) < 2 and names != ["file_name"]:
        return None
    return next((names.index(name) for name in _FILE_COLUMNS if name in names), None)


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of a table.

    Raises:
        UsageError: a cell has no end, as where a quotation mark stands alone.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        yield from reader
    except csv.Error as err:
        raise UsageError(
            f"the list is no table up to its line {reader.line_num:,}: {err}; close a quotation mark that "
            "stands alone, or give a list of one path a line"
        ) from err


def _is_row(line: str, delimiter: str) -> bool:
    """Whether a line is no path but a path and something else: "a.jpg,cat"."""
    first, comma, _ = line.partition(delimiter)
    return bool(comma) and has_image_suffix(first.strip('"')) and not has_image_suffix(line)


def _check_table(file: Path, first: str) -> None:
    delimiter = _delimiter(first)
    is_table = file.suffix.lower() in _TABLES and delimiter in first
    if is_table and _file_column(first, delimiter) is None and not _is_row(first, delimiter):
        if has_image_suffix(first):
            return  # a path with a comma
        raise UsageError(
            f"{str(file)!r} is a table without a column file_name: its first line is {first[:80]!r}; "
            "name the column of paths file_name, or give a list of one path a line"
        )
