"""Commands that outlive the studio."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

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


def test_of_two_starts_at_once_one_is_refused(tmp_path: Path) -> None:
    job, together = BackgroundJob(tmp_path), Barrier(4)

    def start() -> bool:
        together.wait()
        try:
            job.start(python(WAITS), {})
        except NotNow:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        started = sum(pool.map(lambda _: start(), range(4)))
    job.stop()
    wait_for(job, "lost")
    assert started == 1


def test_two_pages_that_ask_at_once_get_every_event_once(tmp_path: Path) -> None:
    # Long, so that one reads while the other does.
    line = json.dumps({"event": "message", "text": "x" * 2**23})
    (tmp_path / "events.jsonl").write_text(f"{line}\n")
    together = Barrier(4)

    def read(job: BackgroundJob) -> None:
        together.wait()
        assert job.events

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            job = BackgroundJob(tmp_path)
            list(pool.map(read, [job] * 4))
            assert len(job.events) == 1
