"""A command in a process of its own, with its state in a folder.

    job.json      the command, its process and when it began
    events.jsonl  what it writes to stdout, a line of JSON an event
    stderr.txt    what it says to people

A studio that is started again reads the folder and finds the process still running, or what it ended with.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from inference.file_lock import locked
from studio.errors import DiskProblem, NotNow
from studio.processes.process_identity import is_running, started_at

State = Literal["none", "running", "done", "failed", "stopped", "lost"]
_JOB: Final = "job.json"
_EVENTS: Final = "events.jsonl"
_STDERR: Final = "stderr.txt"
_LOCK: Final = ".starting"
# As training's commands end when they are interrupted.
_INTERRUPTED: Final = 130
# How a line begins that says why a process ended.
_REASONS: Final = ("error: ", "Traceback ", "Fatal Python error")
_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What `job.json` holds. `details` are the caller's."""

    command: tuple[str, ...]
    pid: int
    process_started: str
    began: float
    details: Mapping[str, Any]


class BackgroundJob:
    """The last command of one kind, of one project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader = _EventReader(folder / _EVENTS)
        self._read_of: float | None = None

    def start(self, command: Sequence[str], details: Mapping[str, Any]) -> None:
        """Start a command, in the place of the last one.

        Raises:
            NotNow: that is still running.
            DiskProblem: the folder cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # A double click, or another page, asks twice at once.
            with locked(self._folder / _LOCK):
                if self.state == "running":
                    raise NotNow("it is running already")
                child = self._spawn(command)
                self._write_record(child.pid, command, details)
        except OSError as err:
            raise DiskProblem(
                f"it could not be started: {err.strerror or err}; make room in {str(self._folder)!r}"
            ) from err
        # Takes the exit code when it comes, or the ended process would stay in the table.
        threading.Thread(target=child.wait, name=f"wait-{child.pid}", daemon=True).start()

    def stop(self) -> None:
        """Ask the process to end; it saves what it can."""
        record = self.record
        if record is not None and self.state == "running":
            os.kill(record.pid, signal.SIGTERM)

    @property
    def record(self) -> JobRecord | None:
        """What was started last, by this studio or another."""
        try:
            content = json.loads((self._folder / _JOB).read_text(encoding="utf-8"))
            return JobRecord(**content | {"command": tuple(content["command"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @property
    def events(self) -> list[dict[str, Any]]:
        """All that it wrote so far; another studio may have started it anew meanwhile."""
        record = self.record
        began = None if record is None else record.began
        if began != self._read_of:
            self._reader, self._read_of = _EventReader(self._folder / _EVENTS), began
        return self._reader.read()

    @property
    def state(self) -> State:
        """How it is with it; "lost" where its process is gone without a last word."""
        record = self.record
        if record is None:
            return "none"
        if is_running(record.pid, record.process_started):
            return "running"
        codes = [event.get("exit_code") for event in self.events if event["event"] == "end"]
        if not codes:
            return "failed" if self._has_failed() else "lost"
        if codes[-1] == 0:
            return "done"
        return "stopped" if codes[-1] == _INTERRUPTED else "failed"

    @property
    def last_words(self) -> str:
        """The last line that it said to people: why it failed."""
        lines = self._said()
        errors = [line for line in lines if line.startswith("error: ")]
        return (errors or lines or [""])[-1].removeprefix("error: ")

    def _has_failed(self) -> bool:
        """Whether it said why it ended; a library's warning is no reason, and a killed process gives none."""
        return any(line.startswith(_REASONS) for line in self._said())

    def _said(self) -> list[str]:
        try:
            text = (self._folder / _STDERR).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip()]

    def _spawn(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        with (
            (self._folder / _EVENTS).open("wb") as stdout,
            (self._folder / _STDERR).open("wb") as stderr,
        ):
            # A session of its own: a Ctrl-C for the studio is not for it.
            return subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=_ROOT,
                start_new_session=True,
            )

    def _write_record(self, pid: int, command: Sequence[str], details: Mapping[str, Any]) -> None:
        content = {
            "command": list(command),
            "pid": pid,
            "process_started": started_at(pid),
            "began": time.time(),
            "details": dict(details),
        }
        temporary = self._folder / f".{_JOB}"
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        temporary.replace(self._folder / _JOB)


class _EventReader:
    """Reads a growing file of events, each line once, also where two pages ask at the same time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._offset = 0
        self._events: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        """Return all events that are whole."""
        with self._lock:
            self._read_on()
            return self._events

    def _read_on(self) -> None:
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                whole, newline, _ = stream.read().rpartition(b"\n")
        except OSError:
            return
        self._offset += len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                event = json.loads(line)
            except ValueError:  # a library has printed something
                continue
            if isinstance(event, dict) and "event" in event:
                self._events.append(event)
