"""An interrupted run goes on: only what it lacks is measured, and only under the same conditions."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.service.kept_run import OtherRun, read_run, write_run
from benchmarks.service.rounds import Round

CONDITIONS = {"conditions": "commit abc", "rounds": 3}


def found() -> tuple[list[Round], dict[str, dict[str, Any]]]:
    rounds = [
        Round(
            ceilings={"both": 150.0},
            lone_ms=9.0,
            loads={"graft": {"16": {"per_s": 140.0, "statuses": {"200": 9}}}},
            costs={"fp32": {"decode_ms": 1.0}},
        )
    ]
    return rounds, {"graft": {"overload": {"p99_ms": 700.0}}}


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    for _ in range(2):  # the second replaces the first
        write_run(file, CONDITIONS, *found())
    assert read_run(file, CONDITIONS) == found()
    assert list(tmp_path.iterdir()) == [file]


def test_a_run_under_other_conditions_is_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write_run(file, CONDITIONS, *found())
    with pytest.raises(OtherRun, match="commit abc"):
        read_run(file, CONDITIONS | {"conditions": "commit def"})
