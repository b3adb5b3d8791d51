"""Series of training runs: what is kept of them, and the table."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.training.results import (
    Result,
    Trial,
    append_result,
    left_to_do,
    markdown,
    read_results,
)

TRIAL = Trial(data="clothing", weights="Lite0", method="finetune", minutes=5.0, seed=0)


def result(right: int | None, *, seed: int = 0, seconds: float = 300.0, note: str = "") -> Result:
    return Result(
        trial=replace(TRIAL, seed=seed),
        right=right,
        images=0 if right is None else 100,
        seconds=seconds,
        note=note,
    )


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.jsonl"
    written = [result(90, note="제니"), result(80, seed=1), result(None, seed=2, note="killed")]
    for one in written:
        append_result(file, one)
    assert read_results(file) == written


def test_without_a_file_there_are_no_results(tmp_path: Path) -> None:
    assert read_results(tmp_path / "results.jsonl") == []


def test_a_line_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    append_result(file, result(90))
    append_result(file, result(80, seed=1))
    file.write_text(file.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    trials = [TRIAL, replace(TRIAL, seed=1)]
    assert left_to_do(trials, read_results(file)) == [replace(TRIAL, seed=1)]


def test_a_series_goes_on_after_a_line_that_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    append_result(file, result(90))
    file.write_text(file.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    append_result(file, result(80, seed=1))
    assert read_results(file) == [result(80, seed=1)]


def test_a_failed_run_is_tried_again_and_the_last_try_counts(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    append_result(file, result(None, note="out of memory"))
    assert left_to_do([TRIAL], read_results(file)) == [TRIAL]
    append_result(file, result(90))
    assert read_results(file) == [result(90)]
    assert left_to_do([TRIAL], read_results(file)) == []


@pytest.mark.parametrize(
    "other",
    [
        replace(TRIAL, data="cifar10"),
        replace(TRIAL, weights="MobileNetV2"),
        replace(TRIAL, method="probe"),
        replace(TRIAL, minutes=15.0),
        replace(TRIAL, seed=1),
    ],
    ids=lambda trial: trial.describe(),
)
def test_a_run_that_differs_in_anything_is_another_run(other: Trial) -> None:
    assert left_to_do([other], [result(90)]) == [other]


def test_the_table_has_the_mean_over_seeds_and_the_interval_of_one_seeds_images() -> None:
    """The interval of 90 of 100 by hand: (0.90 + 0.0192) / 1.0384 ± 0.0589, Wilson 1927."""
    table = markdown([result(92, seed=1, seconds=310), result(88, seed=0, seconds=290)])
    assert table.splitlines()[2] == (
        "| clothing | Lite0 | finetune | 5 | 2 | 90.0 | 82.6 to 94.5 | 88.0 92.0 | 300 | 1 |"
    )


def test_runs_of_different_machines_are_told_apart() -> None:
    slow, quick = (replace(result(90, seed=seed), machine=f"kind {seed}") for seed in (0, 1))
    other = replace(quick, trial=replace(TRIAL, data="cifar10"))
    lines = markdown([slow, quick, other]).splitlines()
    assert [line.split(" | ")[-1] for line in lines[2:4]] == ["1, 2 |", "2 |"]
    assert lines[-1] == "Machines: 1: kind 0; 2: kind 1"


def test_the_table_says_which_runs_failed() -> None:
    some = markdown([result(90), result(None, seed=1, note="killed")])
    assert "| 2 | 90.0 (1 failed) |" in some
    assert "failed: killed" in markdown([result(None, note="killed")])


def test_a_probe_has_no_limit_in_the_table() -> None:
    probe = replace(result(90), trial=replace(TRIAL, method="probe", minutes=None))
    assert "| probe |  | 1 | 90.0 |" in markdown([probe])
