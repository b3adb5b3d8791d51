"""What a container's limit leaves, from the files in which the kernel says it."""

from pathlib import Path

import pytest

from inference.memory_left import memory_left_bytes


def write(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / f"memory.{name}").write_text(content, encoding="ascii")
    return folder


def test_files_that_were_read_count_as_left(tmp_path: Path) -> None:
    cgroup = write(tmp_path, max="1000\n", current="700\n", stat="anon 400\ninactive_file 250\n")
    assert memory_left_bytes(cgroup) == 550


@pytest.mark.parametrize("limit", ["max\n", ""])
def test_without_a_limit_nothing_is_said(tmp_path: Path, limit: str) -> None:
    cgroup = write(tmp_path, max=limit, current="700\n", stat="inactive_file 0\n")
    assert memory_left_bytes(cgroup) is None


def test_a_system_that_says_nothing_is_no_error(tmp_path: Path) -> None:
    assert memory_left_bytes(tmp_path) is None
