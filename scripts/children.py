"""Child processes that never outlive this one, whether it ends, fails or is told to stop."""

import atexit
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Final, Self

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal; not an `Exception`, so that nothing swallows it."""


class Children:
    """Starts processes and stops all of them on leaving the `with` block.

    Each child leads a session of its own, so its whole family can be stopped and a terminal's Ctrl-C
    reaches only this process, which then ends the children in order. Main thread only.
    """

    def __init__(self, *, grace_s: float = 15.0) -> None:
        self._grace_s = grace_s
        self._children: list[subprocess.Popen[str]] = []
        self._handlers: dict[signal.Signals, signal.Handlers] = {}
        self._may_raise = True
        self._stop_wanted = False

    def __enter__(self) -> Self:
        for number in _STOP_SIGNALS:
            self._handlers[number] = signal.signal(number, self._on_signal)  # type: ignore[assignment]
        # A signal that is handled on the way into `__exit__` skips it; this stands behind it.
        atexit.register(self._stop_all)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop_all()
        atexit.unregister(self._stop_all)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdout: int | IO[str] | None = None,
        stderr: int | IO[str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[str]:
        """Start a process without input.

        Raises:
            Stopped: this process was told to stop meanwhile.
        """
        # A signal between the fork and the entry in the list would leave a child that nobody knows.
        self._may_raise = False
        child = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            text=True,
            start_new_session=True,
        )
        self._children.append(child)
        self._may_raise = True
        if self._stop_wanted:
            raise Stopped
        return child

    def _stop_all(self) -> None:
        self._may_raise = False  # a second Ctrl-C must not cut this short
        while self._children:
            stop(self._children.pop(), grace_s=self._grace_s)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_wanted = True
        if self._may_raise:
            self._may_raise = False
            raise Stopped


def stop(child: subprocess.Popen[str], *, grace_s: float) -> None:
    """End a process that leads its own session, and what it started: ask, wait, then kill."""
    if child.poll() is None:
        _signal_group(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=grace_s)
    _signal_group(child, signal.SIGKILL)  # whoever of its family is left
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _signal_group(child: subprocess.Popen[str], number: signal.Signals) -> None:
    # The group's number stays taken as long as any member lives, even after its leader.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
