"""CSV as spreadsheets and programs read it."""

import csv
import io

import numpy as np
import pytest

from inference.bulk.items import Item
from inference.bulk.pipeline import Row
from inference.bulk.rows import CsvRows, JsonRows, complete_records
from inference.classifier import LabelProbability, Prediction
from tests.builders import LABELS

FORMAT = CsvRows(labels=LABELS, top_k=2, probabilities=False)


def row(name: str, label: str = "red", problem: str | None = None) -> Row:
    item = Item(name=name, read=lambda: b"")
    if problem is not None:
        return Row(item=item, problem=problem)
    top = (
        LabelProbability(label=label, probability=0.75),
        LabelProbability(label="b", probability=0.2),
    )
    prediction = Prediction(
        label=label,
        probability=0.75,
        rejected_reason=None,
        top=top,
        label_set=None,
        embedding=np.zeros(3, np.float32),
        activation_map=None,
    )
    return Row(item=item, prediction=prediction)


def test_excel_is_told_that_it_is_utf_8() -> None:
    assert FORMAT.header().startswith(b"\xef\xbb\xbfpath,label,probability,")
    assert "기타" in FORMAT.encode([row("1.png", "기타")]).decode("utf-8")


@pytest.mark.parametrize(
    "name", ["=HYPERLINK(1).png", "+1.png", "-1.png", "@SUM(1).png", "\t=1.png"]
)
def test_a_name_that_a_spreadsheet_would_run_is_the_same_path_otherwise(name: str) -> None:
    ((path, *_),) = csv.reader(io.StringIO(FORMAT.encode([row(name)]).decode()))
    assert path == f"./{name}"


def test_a_label_that_a_spreadsheet_would_run_is_text_and_a_number_stays_one() -> None:
    text = FORMAT.encode([row("1.png", "=1+1"), row("1.png", "-5")]).decode()
    first, second = csv.reader(io.StringIO(text))
    assert (first[1], second[1]) == ("'=1+1", "-5")


@pytest.mark.parametrize("row_format", [FORMAT, JsonRows()])
@pytest.mark.parametrize("name", ['a\nb "c",\r.png', "=x.png", "기타.png", "caf\udce9.png"])
def test_a_name_is_found_again_in_its_record(row_format: CsvRows | JsonRows, name: str) -> None:
    rows = [row(name), row("b.png", problem='a "quoted"\nproblem')]
    records = list(complete_records(io.BytesIO(row_format.encode(rows))))
    names = [row_format.name_in(record) for record in records]
    assert names == [row_format.written_name(name), "b.png"]


def test_every_row_has_a_cell_for_every_column() -> None:
    all_labels = CsvRows(labels=("red", "b"), top_k=2, probabilities=True)
    for row_format in (FORMAT, all_labels):
        data = row_format.header() + row_format.encode([row("1.png"), row("2.png", problem="no")])
        lengths = {len(cells) for cells in csv.reader(io.StringIO(data.decode("utf-8-sig")))}
        assert len(lengths) == 1
