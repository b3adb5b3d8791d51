"""How a row is written and found again: CSV that spreadsheets open, or JSON lines.

Both are UTF-8. A record ends at the end of a line (in CSV: one outside quotes), so that what a killed run
left unfinished can be told.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, Protocol

from inference.bulk.pipeline import Row
from inference.classifier import Prediction

# Spreadsheets run what begins so as a formula.
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d+)?")
# By which Excel knows UTF-8.
_BOM: Final = b"\xef\xbb\xbf"


class RowFormat(Protocol):
    """One way to write rows."""

    def header(self) -> bytes:
        """Return the first record; empty where there is none."""

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return complete records, each with the end of its line."""

    def written_name(self, name: str) -> str:
        """Return an item's name as a row has it."""

    def name_in(self, record: bytes) -> str:
        """Return the written name of a record. Raises ValueError: it is no row of this format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRows:
    """Path, best label, probability, rejection, problem; then the next labels or all probabilities.

    Attributes:
        labels: the model's.
        top_k: how many labels a row has.
        probabilities: a column `p_LABEL` for every label, in place of the next best.
    """

    labels: tuple[str, ...]
    top_k: int
    probabilities: bool

    def header(self) -> bytes:
        columns = ["path", "label", "probability", "rejected", "rejected_reason", "problem"]
        if self.probabilities:
            columns += [f"p_{label}" for label in self.labels]
        else:
            for rank in range(2, self.top_k + 1):
                columns += [f"label_{rank}", f"probability_{rank}"]
        return _BOM + _csv([columns])

    def encode(self, rows: Sequence[Row]) -> bytes:
        return _csv([self._cells(row) for row in rows])

    def written_name(self, name: str) -> str:
        """A path that begins as a formula gets ./ before it, which leads to the same file."""
        safe = f"./{name}" if _FORMULA.match(name) else name
        return safe.encode("utf-8", "backslashreplace").decode()

    def name_in(self, record: bytes) -> str:
        cells = next(csv.reader(io.StringIO(record.decode("utf-8"), newline=""), strict=True), [])
        if len(cells) < 6:
            raise ValueError("too few cells")
        return cells[0]

    def _cells(self, row: Row) -> list[str]:
        name, prediction = self.written_name(row.item.name), row.prediction
        if prediction is None:
            return [name, "", "", "", "", row.problem or "", *[""] * self._more()]
        cells = [
            *(name, _label_cell(prediction.label), _number(prediction.probability)),
            *("true" if prediction.rejected else "false", prediction.rejected_reason or "", ""),
        ]
        if self.probabilities:
            by_label = {entry.label: entry.probability for entry in prediction.top}
            return cells + [_number(by_label[label]) for label in self.labels]
        for entry in prediction.top[1:]:
            cells += [_label_cell(entry.label), _number(entry.probability)]
        return cells

    def _more(self) -> int:
        return len(self.labels) if self.probabilities else 2 * (self.top_k - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonRows:
    """An object a line, with the keys of a prediction of `/predict` and the image's `path`."""

    def header(self) -> bytes:
        return b""

    def encode(self, rows: Sequence[Row]) -> bytes:
        return b"".join(
            json.dumps(row_entry(row), ensure_ascii=False).encode("utf-8", "backslashreplace")
            + b"\n"
            for row in rows
        )

    def written_name(self, name: str) -> str:
        return name

    def name_in(self, record: bytes) -> str:
        entry = json.loads(record)
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise ValueError("no object with a path")
        return str(entry["path"])


def complete_records(file: IO[bytes]) -> Iterator[bytes]:
    """Yield each record that is complete, from where the file stands."""
    record = b""
    for line in file:
        record += line
        # Quotes within a cell are doubled, and JSON lines hold no line ends.
        if line.endswith(b"\n") and (record[:1] == b"{" or record.count(b'"') % 2 == 0):
            yield record
            record = b""


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _label_cell(label: str) -> str:
    return f"'{label}" if _FORMULA.match(label) and not _NUMBER.fullmatch(label) else label


def _number(probability: float) -> str:
    return f"{probability:.6f}"


def row_entry(row: Row) -> dict[str, Any]:
    """Return a row as JSON lines have it: the image's path, and its prediction or its problem."""
    prediction = row.prediction
    if prediction is None:
        return {"path": row.item.name, "problem": row.problem}
    return {"path": row.item.name, **_answer(prediction)}


def _answer(prediction: Prediction) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "label": prediction.label,
        "probability": prediction.probability,
        "rejected": prediction.rejected,
        "top": [{"label": e.label, "probability": e.probability} for e in prediction.top],
    }
    if prediction.rejected:
        answer["rejected_reason"] = prediction.rejected_reason
    return answer
