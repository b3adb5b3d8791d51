"""Temporary folders: nobody's are removed, those of the living and of strangers are not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inference.temporary_folder import temporary_folder

PREFIX = ".filling-"
FILL_AND_HANG = """
import signal, sys
from pathlib import Path
from inference.temporary_folder import temporary_folder

with temporary_folder(Path(sys.argv[1]), ".filling-") as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    signal.pause()
"""


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_nothing_is_left_of_it_unless_it_is_renamed(tmp_path: Path) -> None:
    with temporary_folder(tmp_path, PREFIX) as folder:
        (folder / "file").write_text("x")
    with temporary_folder(tmp_path, PREFIX) as folder:
        (folder / "file").write_text("x")
        folder.rename(tmp_path / "kept")
    assert entries(tmp_path) == ["kept"]
    assert (tmp_path / "kept" / "file").read_text() == "x"


def test_that_of_another_process_stays_until_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FILL_AND_HANG, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        with temporary_folder(tmp_path, PREFIX):
            assert (theirs / "file").read_text() == "x"
        other.send_signal(signal.SIGKILL)
    assert theirs.is_dir()
    with temporary_folder(tmp_path, PREFIX):
        assert not theirs.exists()
    assert entries(tmp_path) == []


@pytest.mark.parametrize("name", [".filling-notes", ".filling-", f".filling-{'0' * 13}", "filling"])
def test_what_only_looks_alike_is_left_alone_however_old(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    os.utime(tmp_path / name, (0, 0))
    with temporary_folder(tmp_path, PREFIX):
        pass
    assert entries(tmp_path) == [name]
