"""The Ray Data job, run in an environment of its own with two workers on this machine."""

import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import LABELS, coloured, make_package
from tests.deploy.object_store import bucket
from tests.tools import python_of

ROOT: Final = Path(__file__).parents[2]
_IMAGES: Final = 600
_TIMEOUT_S: Final = 400


def test_a_worker_that_is_killed_costs_no_row_and_a_bad_file_no_neighbour(
    models_dir: Path, tmp_path: Path
) -> None:
    package = make_package(models_dir)
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, content in images():
        (photos / name).write_bytes(content)
    run_job(package, str(photos), str(tmp_path / "out"), lose="process")
    assert_each_is_answered(pq.read_table(tmp_path / "out"))


def test_a_machine_that_is_lost_costs_no_row_of_a_bucket(models_dir: Path, tmp_path: Path) -> None:
    package = make_package(models_dir)
    with bucket(tmp_path) as store:
        for name, content in images():
            with store.files.open_output_stream(f"photos/in/{name}") as file:
                file.write(content)
        run_job(
            *(package, store.url("in"), store.url("out")), lose="machine", env=store.environment
        )
        assert_each_is_answered(pq.read_table("photos/out", filesystem=store.files))


@pytest.mark.parametrize(
    ("model", "photos", "said"),
    [
        ("nowhere", ".", "error: no package at 'nowhere'"),
        (None, "no-photos", "error: there is no 'no-photos'"),
    ],
)
def test_a_wrong_path_is_said_before_ray_starts(
    models_dir: Path, model: str | None, photos: str, said: str
) -> None:
    package = model or str(make_package(models_dir))
    ended = subprocess.run(
        [str(python_of("ray")), "-m", "deploy.ray_bulk", package, photos, "out"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert (ended.returncode, ended.stderr.splitlines()[-1][: len(said)]) == (2, said)


def images() -> list[tuple[str, bytes]]:
    """Return names, which say the right answer, and files; the last one is cut off."""
    good = [
        (f"{number:04d}-{LABELS[number % 3]}.png", coloured(LABELS[number % 3]))
        for number in range(_IMAGES)
    ]
    return [*good, ("broken.png", coloured("red")[:-30])]


def run_job(
    package: Path, photos: str, out: str, *, lose: str, env: Mapping[str, str] | None = None
) -> None:
    """Run the job with two workers and lose one, or its machine."""
    ended = subprocess.run(
        [
            *(str(python_of("ray")), str(Path(__file__).with_name("ask_ray_data.py"))),
            *(str(package), photos, out, lose),
        ],
        env={
            **os.environ,
            **(env or {}),
            "PYTHONPATH": str(ROOT),
            "RAY_USAGE_STATS_ENABLED": "0",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        start_new_session=True,
        check=False,
    )
    assert "ray data passed" in ended.stdout, ended.stderr[-4000:]


def assert_each_is_answered(table: pa.Table) -> None:
    """Check that every image has one row, with its own label."""
    rows = table.to_pylist()
    assert set(Counter(row["path"] for row in rows).values()) == {1}
    assert len(rows) == _IMAGES + 1
    for row in rows:
        if row["path"].endswith("broken.png"):
            assert "truncated" in row["problem"]
        else:
            assert row["path"].endswith(f"-{row['label']}.png")
