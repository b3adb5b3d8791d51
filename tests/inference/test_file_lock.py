"""One writer at a time, whoever it is and however it ends."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inference import file_lock
from inference.file_lock import locked

ROOT = Path(__file__).parents[2]
COUNT = """
import sys
from pathlib import Path
from inference.file_lock import locked
counter = Path(sys.argv[1])
for _ in range(100):
    with locked(counter.with_name("lock")):
        counter.write_text(str(int(counter.read_text()) + 1))
"""
HOLD = """
import signal, sys
from pathlib import Path
from inference.file_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


def start(code: str, argument: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, str(argument)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_processes_take_turns(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [start(COUNT, counter) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert counter.read_text() == "300"


def test_threads_take_turns(tmp_path: Path) -> None:
    inside: list[int] = []

    def enter() -> None:
        for _ in range(50):
            with locked(tmp_path / "lock"):
                inside.append(1)
                assert len(inside) == 1
                inside.clear()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == []


def test_files_are_locked_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lock, "_WAIT_S", 0.1)
    with locked(tmp_path / "one"), locked(tmp_path / "other"):
        assert {file.name for file in tmp_path.iterdir()} == {"one", "other"}


def test_a_killed_holder_holds_nothing_and_a_stopped_one_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_lock, "_WAIT_S", 0.1)
    with start(HOLD, tmp_path / "lock") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGSTOP)
        with pytest.raises(TimeoutError, match="another process"), locked(tmp_path / "lock"):
            pass
        holder.kill()
    with locked(tmp_path / "lock"):
        pass


def test_whoever_may_write_in_the_folder_may_lock(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    before = os.umask(0o077)
    try:
        with locked(tmp_path / "lock"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o660


def test_where_there_are_no_locks_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()
