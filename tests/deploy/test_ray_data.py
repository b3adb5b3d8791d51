"""The Ray Data job, run in an environment of its own with two workers on this machine."""

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from tests.builders import LABELS, coloured, make_package
from tests.tools import python_of

ROOT: Final = Path(__file__).parents[2]
_IMAGES: Final = 600
_TIMEOUT_S: Final = 400


def test_a_worker_that_is_killed_costs_no_row_and_a_bad_file_no_neighbour(
    models_dir: Path, tmp_path: Path
) -> None:
    python = python_of("ray")
    package = make_package(models_dir)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(_IMAGES):
        label = LABELS[number % 3]
        (photos / f"{number:04d}-{label}.png").write_bytes(coloured(label))
    (photos / "broken.png").write_bytes(coloured("red")[:-30])
    ended = subprocess.run(
        [
            *(str(python), str(Path(__file__).with_name("ask_ray_data.py"))),
            *(str(package), str(photos), str(tmp_path / "out")),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        start_new_session=True,
        check=False,
    )
    assert "ray data passed" in ended.stdout, ended.stderr[-4000:]
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert set(Counter(row["path"] for row in rows).values()) == {1}
    assert len(rows) == _IMAGES + 1
    for row in rows:
        if row["path"].endswith("broken.png"):
            assert "truncated" in row["problem"]
        else:
            assert row["path"].endswith(f"-{row['label']}.png")
