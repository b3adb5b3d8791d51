"""The table of precisions is made from what a package says."""

import json
from pathlib import Path

import pytest

from benchmarks.precisions import HEADER, Case, table_rows

pytestmark = pytest.mark.training

ATTEMPT = {
    "precision": "int8",
    "how": "per channel",
    "accuracy": {"points": -0.011, "low": -0.033, "high": 0.0},
    "speed": {
        "provider": "cpu",
        "timings": [
            {"batch": 1, "reference_ms": 8.4, "other_ms": 5.6},
            {"batch": 8, "reference_ms": 8.0, "other_ms": 4.0},
        ],
    },
    "size_bytes": 3_800_000,
    "left_out": "accuracy gate: too much",
}


def test_each_file_has_a_row_with_its_verdict(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(bytes(1_300_000))
    (tmp_path / "metrics.json").write_text(json.dumps({"precisions": [ATTEMPT]}), "utf-8")
    first, second = table_rows(Case(backbone="net", flags=()), tmp_path)
    assert first == "| net | fp32 | 1.3 |  | 8.4 | 8.0 | always |"
    assert second == (
        "| net | int8 (per channel) | 3.8 | -1.1 (-3.3 to +0.0) | 5.6 (1.50 x) | 4.0 (2.00 x) | "
        "no, accuracy gate: too much |"
    )
    assert first.count("|") == second.count("|") == HEADER[0].count("|")
    _, random = table_rows(Case(backbone="net"), tmp_path)
    assert "| random weights |" in random


def test_what_was_not_tried_has_no_figures(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(bytes(1_300_000))
    nothing = dict.fromkeys(("how", "accuracy", "speed", "size_bytes"))
    attempt = {**nothing, "precision": "fp16", "left_out": "time budget: none"}
    (tmp_path / "metrics.json").write_text(json.dumps({"precisions": [attempt]}), "utf-8")
    _, row = table_rows(Case(backbone="net", flags=()), tmp_path)
    assert row == "| net | fp16 |  | not measured |  |  | no, time budget: none |"
