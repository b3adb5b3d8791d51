"""Parquet: the same rows as JSON lines, whole at the end, resumed before it."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from tests.inference.bulk.conftest import Predict


def test_the_rows_are_those_of_json_lines_and_a_killed_run_goes_on(
    predict: Predict, photos: Path, tmp_path: Path
) -> None:
    predict(photos, "--out", tmp_path / "p.jsonl")
    lines = (tmp_path / "p.jsonl").read_bytes().splitlines(keepends=True)
    out = tmp_path / "p.parquet"
    predict(photos, "--out", out)
    # As a kill after six rows leaves it.
    out.unlink()
    (tmp_path / "p.parquet.rows.jsonl").write_bytes(b"".join(lines[:6]) + lines[6][:9])
    predict(photos, "--out", out, "--resume")
    rows = pq.read_table(out).to_pylist()
    assert [row["path"] for row in rows] == [json.loads(line)["path"] for line in lines]
    assert rows[0]["top"][0]["label"] == rows[0]["label"] == "blue"
    assert (rows[3]["label"], rows[3]["rejected"]) == (None, None)
    assert "truncated" in rows[3]["problem"]
    assert sorted(path.name for path in tmp_path.glob("p.parquet*")) == [
        "p.parquet",
        "p.parquet.run.json",
    ]
    assert predict(photos, "--out", out, "--resume") == 0  # complete
