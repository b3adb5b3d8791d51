"""A container's share of the machine, not the machine."""

from pathlib import Path

import pytest

from inference.cores import usable_cores


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("50000 100000", 1), ("100000 100000", 1), ("1 100000", 1)],
    ids=["half a core", "one core", "next to nothing"],
)
def test_a_quota_bounds_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert usable_cores(quota_file=file) == cores


@pytest.mark.parametrize("content", ["max 100000\n", "", "x y", "1 0", None])
def test_without_a_quota_the_allowed_cores_count(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "cpu.max"
    if content is not None:
        file.write_text(content)
    huge = tmp_path / "huge"
    huge.write_text("100000000000 100000")
    assert usable_cores(quota_file=file) == usable_cores(quota_file=huge) >= 1


def test_processes_share_the_cores_and_each_has_one() -> None:
    assert usable_cores(shared_by=10_000) == 1
