"""The growth of a run's cost: its images, the sums by stage, and the kept results."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.growth.__main__ import IMAGE, PAGE, RESULTS, with_tables
from benchmarks.growth.chart import draw
from benchmarks.growth.images import make_folder
from benchmarks.growth.results import add_result, read_results
from benchmarks.growth.stages import BETWEEN, Look, costs_of
from benchmarks.growth.table import growth, table

ROOT = Path(__file__).parent.parent.parent


def test_no_two_images_are_equal_and_a_folder_is_made_alike_every_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photos = [Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)) for _ in range(8)]
    folders = [
        make_folder(tmp_path / name, photos, images=12, classes=3) for name in ("one", "other")
    ]
    hashes = [
        {
            path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*.jpg")
        }
        for folder in folders
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0].values())) == 12
    assert sorted(path.name for path in folders[0].iterdir()) == [f"class-000{i}" for i in range(3)]


def test_time_before_a_stage_begins_is_not_its_own() -> None:
    def look(stage: str | None, begins: bool, time_s: float, peak_mb: float) -> Look:
        return Look(
            stage=stage,
            begins=begins,
            time_s=time_s,
            cpu_s=2 * time_s,
            peak_mb=peak_mb,
            cache_bytes=int(10 * time_s),
        )

    looks = [
        look("reading", True, 3, 100),
        look("reading", False, 5, 300),
        look("reading", False, 6, 200),
        look("fitting", True, 7, 150),
        look("fitting", False, 9, 400),
        look(None, False, 10, 90),
    ]
    found = {cost.stage: cost for cost in costs_of(looks)}
    assert list(found) == ["reading", "fitting", BETWEEN]
    assert (found["reading"].seconds, found["reading"].peak_mb) == (3, 300)
    assert (found["fitting"].cpu_seconds, found["fitting"].cache_bytes) == (4, 20)
    assert (found[BETWEEN].seconds, found[BETWEEN].peak_mb) == (5, 150)


def test_growth_is_the_power_of_the_number_of_images() -> None:
    result = read_results(ROOT / RESULTS)[0]
    results = [result, replace(result, images=10 * result.images)]
    assert growth(results, [2.0, 20.0]) == pytest.approx(1)
    assert growth(results, [2.0, 200.0]) == pytest.approx(2)
    assert growth(results[:1], [2.0]) is None


def test_a_size_that_is_measured_again_replaces_the_earlier_run(tmp_path: Path) -> None:
    kept = read_results(ROOT / RESULTS)
    for result in (*reversed(kept), replace(kept[0], seconds=1.0)):
        add_result(tmp_path / "results.jsonl", result)
    assert read_results(tmp_path / "results.jsonl") == [replace(kept[0], seconds=1.0), *kept[1:]]


def test_chart_and_tables_in_the_repository_are_of_the_results_in_the_repository() -> None:
    kept = read_results(ROOT / RESULTS)
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page == with_tables(page, table(kept))
    assert (ROOT / IMAGE).read_text(encoding="utf-8") == draw(kept)
    assert all(result.copies == 0 for result in kept)
