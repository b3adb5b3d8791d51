"""What an image costs any server: the sums that the aims are held against."""

from pathlib import Path

import pytest

from benchmarks.service.costs import (
    DECODE,
    MODEL,
    RESIZE,
    measure_costs,
    middle_costs,
    most_images_per_s,
    print_costs,
)
from benchmarks.service.rounds import Round
from tests.builders import coloured, make_package

COST = {DECODE: 1.0, RESIZE: 1.5, MODEL: 5.0}


def test_no_server_is_above_all_cores_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    assert most_images_per_s(COST, generator_ms=0.5) == pytest.approx(250.0)


def test_the_middle_is_taken_part_by_part_of_the_rounds_that_have_it() -> None:
    rounds = [
        Round(ceilings={}, lone_ms=1.0, costs={"fp32": {**COST, MODEL: model_ms}})
        for model_ms in (9.0, 5.0, 6.0)
    ]
    assert middle_costs([*rounds, Round(ceilings={}, lone_ms=1.0)])["fp32"] == COST | {MODEL: 6.0}
    assert middle_costs([]) == {}


def test_what_is_not_decoding_nor_model_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    load = {"server_cpu_ms": 9.5, "event_loop_ms": 1.25, "generator_cpu_ms": 0.25, "per_s": 150.0}
    print_costs({"bf16": COST}, {"ours": {"1": load, "16": load}}, {"fp32": "no", "bf16": "ours"})
    printed = capsys.readouterr().out
    assert "| bf16 | 1.00 | 1.50 | 5.00 | 16 | 1.25 | 0.75 | 0.25 | 9.75 |" in printed
    assert "| no |" not in printed


def test_each_part_of_a_package_is_measured(models_dir: Path) -> None:
    found = measure_costs(make_package(models_dir), [coloured("red"), coloured("blue")], ["fp32"])
    assert min(found["fp32"].values()) > 0
    assert set(found["fp32"]) == {DECODE, RESIZE, MODEL}
