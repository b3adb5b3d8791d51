"""The table of calibration and prediction sets, from a package's own files."""

import json
from pathlib import Path

import pytest

from benchmarks.honesty import row

pytestmark = pytest.mark.training


def test_a_row_has_the_figures_of_the_test_images(tmp_path: Path) -> None:
    manifest = {"name": "garments", "conformal": {"coverage": 0.9}}
    effect = {"ece_before": 0.28, "ece_after": 0.083, "nll_before": 0.687, "nll_after": 0.424}
    metrics = {
        "calibration": {"test": effect},
        "sets": {"test": {"images": 100, "covered": 0.91, "mean_size": 1.39}},
        "rejected": {"test": 0.029},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    cells = [cell.strip() for cell in row(tmp_path).strip("|").split("|")]
    assert cells[:7] == ["garments", "100", "28.0", "8.3", "0.687", "0.424", "90"]
    # Wilson's interval of 91 in 100, from his formula by hand.
    assert cells[7:] == ["91.0 (83.8 to 95.2)", "1.39", "2.9"]
