"""A file of labels: `file_name,label` and optionally `sha256,note,split`, as CSV or JSON lines.

Read as people's programs write it: UTF-8 with or without a mark, UTF-16, CP949 (Korean Windows), commas,
semicolons or tabs, any line ends. An empty label leaves the image out.
"""

import codecs
import csv
import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.data.finding import named
from training.errors import DataError

MAX_BYTES: Final = 512 * 2**20
_FILE_COLUMNS: Final = (
    *("file_name", "filename", "file", "filepath", "file_path", "path", "image", "image_path"),
    *("image_name", "image_file", "img", "image_id", "id", "name"),
)
_LABEL_COLUMNS: Final = ("label", "labels", "class", "class_name", "category", "target")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEVERAL: Final = re.compile(r"[;|]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelLine:
    """One line. `line` is its number in the file, from 1; an empty label leaves the image out."""

    line: int
    file_name: str
    label: str
    sha256: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsFile:
    """What a file of labels says.

    `sha256` is of the file itself; `columns` are its columns, in lower case; `damaged` are lines with their
    problem.
    """

    path: Path
    sha256: str
    encoding: str
    lines: tuple[LabelLine, ...]
    columns: tuple[str, ...] = ()
    damaged: tuple[tuple[int, str], ...] = ()


class NoLabelColumn(DataError):
    """The file has no column of labels: it is about something else."""


def read_labels_file(file: Path, *, known: Collection[str] = ()) -> LabelsFile:
    """Read a file of labels.

    Args:
        file: what is read.
        known: labels that the folder has already. One of them is meant whatever it is made of: blanks at
            its ends, which cells lose, or a semicolon.

    Raises:
        NoLabelColumn: its columns are others.
        DataError: it cannot be read, or is no such file.
    """
    try:
        data = _read(file)
    except OSError as err:
        raise DataError(f"labels file {str(file)!r} cannot be read: {err.strerror}") from err
    text, encoding = _decode(data, file)
    records = _json_records if text.lstrip()[:1] in ("{", "[") else _csv_records
    lines: list[LabelLine] = []
    damaged: list[tuple[int, str]] = []
    columns: tuple[str, ...] = ()
    meant = {_as_label(label): label for label in known}
    for number, record in records(text, file):
        columns = columns or tuple(record)
        line = _as_line(number, record, meant)
        if isinstance(line, str):
            damaged.append((number, line))
        else:
            lines.append(line)
    return LabelsFile(
        path=file,
        sha256=hashlib.sha256(data).hexdigest(),
        encoding=encoding,
        lines=tuple(lines),
        columns=columns,
        damaged=tuple(damaged),
    )


def _read(file: Path) -> bytes:
    if not file.is_file():
        kind = "is a folder" if file.is_dir() else "does not exist"
        raise DataError(f"labels file {str(file)!r} {kind}; give a CSV or JSON lines file")
    if file.stat().st_size > MAX_BYTES:
        raise DataError(f"labels file {str(file)!r} is above {MAX_BYTES:,} bytes; split it")
    return file.read_bytes()


def _decode(data: bytes, file: Path) -> tuple[str, str]:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name, "replace"), name
    if b"\0" in data[:64]:
        name = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
        return data.decode(name, "replace"), name
    for name in ("utf-8", "cp949", "cp1252"):
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    raise DataError(f"labels file {str(file)!r} is no text; save it as CSV in UTF-8")


def _csv_records(text: str, file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t|", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    columns: list[str] | None = None
    before = 0
    try:
        for row in reader:
            number, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                columns = _columns(row, file)
                if columns:
                    continue
                columns = ["file_name", "label"]  # no header: the first row is a line already
            yield number, dict(zip(columns, row, strict=False))
    except csv.Error as err:
        raise DataError(f"labels file {str(file)!r}, line {reader.line_num}: {err}") from err


def _columns(header: Sequence[str], file: Path) -> list[str]:
    """Return the columns under our names; none where the first row is a file and its label already."""
    names = [name.strip().casefold() for name in header]
    written = [name.strip() for name in header]
    if len(names) == 2 and re.search(r"\.(jpe?g|png|webp|gif|bmp|tiff?|hei[cf]|avif)$", names[0]):
        return []
    return _renamed(written, file)


def _renamed(written: Sequence[str], file: Path) -> list[str]:
    """Return the columns under our names; others in lower case."""
    names = [name.casefold() for name in written]
    file_column = next((name for name in _FILE_COLUMNS if name in names), None)
    label_column = next((name for name in _LABEL_COLUMNS if name in names), None)
    if file_column is None or label_column is None:
        lacks = "file_name" if file_column is None else "label"
        raise NoLabelColumn(
            f"labels file {str(file)!r} has no column {lacks!r}, only {named(written, most=20)}; "
            "its first line must name the columns, such as file_name,label"
        )
    new: dict[str, str] = {file_column: "file_name", label_column: "label"}
    return [new.get(name, name) for name in names]


def _json_records(text: str, file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    ours: dict[str, str] = {}
    for number, value in _json_values(text, file):
        if not isinstance(value, dict):
            raise DataError(f"labels file {str(file)!r}, line {number}: is no JSON object")
        cells = {str(k).strip(): "" if v is None else str(v) for k, v in value.items()}
        try:
            names = _renamed(list(cells), file)
        except NoLabelColumn:
            if not ours:
                raise
            # The file is about labels, and this line lacks one.
            names = [ours.get(name.casefold(), name.casefold()) for name in cells]
        ours |= dict(zip(map(str.casefold, cells), names, strict=True))
        yield number, dict(zip(names, cells.values(), strict=True))


def _json_values(text: str, file: Path) -> Iterator[tuple[int, Any]]:
    if text.lstrip().startswith("["):
        yield from enumerate(_parse(text, file, 1), start=1)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _parse(line, file, number)


def _parse(text: str, file: Path, number: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as err:
        raise DataError(f"labels file {str(file)!r}, line {number}: is no JSON ({err})") from err


def _as_label(cell: str) -> str:
    return unicodedata.normalize("NFC", cell).strip()


def _as_line(number: int, record: Mapping[str, str], known: Mapping[str, str]) -> LabelLine | str:
    """Return the line, or what is wrong with it; `known` are labels by what cells say for them."""
    name = (record.get("file_name") or "").strip()
    sha256 = (record.get("sha256") or "").strip().lower() or None
    if not name and sha256 is None:
        return "has no file name"
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        return f"has {sha256[:20]!r} for a sha256, which has 64 hex digits"
    if "label" not in record or record["label"] is None:
        return "has no label; write an empty one to leave the image out"
    label = _as_label(record["label"])
    if label in known:
        label = known[label]
    elif _SEVERAL.search(label):
        return f"has {label!r}, which looks like several labels; an image has one"
    split = (record.get("split") or "").strip() or None
    return LabelLine(line=number, file_name=name, label=label, sha256=sha256, split=split)
