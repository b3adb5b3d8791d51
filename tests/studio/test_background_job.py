"""Commands that outlive the studio."""

import sys
import time
from pathlib import Path

import pytest

from studio.errors import NotNow
from studio.processes.background_job import BackgroundJob, State

WAITS = 'import time; print(\'{"event": "stage"}\', flush=True); time.sleep(600)'


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def wait_for(job: BackgroundJob, state: State) -> None:
    deadline = time.monotonic() + 60
    while job.state != state:
        assert time.monotonic() < deadline, (job.state, job.last_words)
        time.sleep(0.01)


def test_a_studio_that_is_started_again_finds_the_running_command(tmp_path: Path) -> None:
    first = BackgroundJob(tmp_path)
    first.start(python(WAITS), {"choice": "minute"})
    again = BackgroundJob(tmp_path)
    assert again.state == "running"
    record = again.record
    assert record is not None
    assert record.details == {"choice": "minute"}
    with pytest.raises(NotNow):
        again.start(python("pass"), {})
    deadline = time.monotonic() + 60
    while not again.events:
        assert time.monotonic() < deadline
    again.stop()
    for job in (first, again):
        wait_for(job, "lost")


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [
        ('print(\'{"event": "end", "exit_code": 0}\')', "done", ""),
        ('print(\'{"event": "end", "exit_code": 130}\')', "stopped", ""),
        (
            "import sys; print('error: no such folder', file=sys.stderr); "
            'print(\'no json\\n{"event": "end", "exit_code": 2}\')',
            "failed",
            "no such folder",
        ),
        ("raise ValueError('why')", "failed", "ValueError: why"),
        (
            "import os, sys; print('a warning', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)",
            "lost",
            "a warning",
        ),
    ],
    ids=["done", "stopped", "refused", "crashed", "killed"],
)
def test_how_it_ended(tmp_path: Path, code: str, state: State, words: str) -> None:
    job = BackgroundJob(tmp_path)
    job.start(python(code), {})
    wait_for(job, state)
    assert job.last_words == words


def test_nothing_was_started_yet(tmp_path: Path) -> None:
    job = BackgroundJob(tmp_path / "none")
    assert (job.state, job.events, job.record) == ("none", [], None)
    job.stop()


def test_half_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    job = BackgroundJob(tmp_path)
    events = tmp_path / "events.jsonl"
    events.write_bytes(b'{"event": "one"}\n{"event": ')
    assert [e["event"] for e in job.events] == ["one"]
    with events.open("ab") as stream:
        stream.write(b'"two"}\n')
    assert [e["event"] for e in job.events] == ["one", "two"]


def test_what_another_studio_has_started_is_read_from_its_beginning(tmp_path: Path) -> None:
    one, other = BackgroundJob(tmp_path), BackgroundJob(tmp_path)
    for job, words in ((one, "first"), (other, "again")):
        line = f'{{"event": "{words}"}}\\n{{"event": "end", "exit_code": 0}}'
        job.start(python(f"print('{line}')"), {})
        wait_for(job, "done")
        assert one.events[0] == {"event": words}
