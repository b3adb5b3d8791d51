"""Ctrl-C and SIGTERM at any moment, imports included: one sentence and exit code 130, never a stack trace.

Loads nothing but the standard library: it is there before the libraries that take seconds to import.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final

INTERRUPTED: Final = 130
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_AT_ONCE: Final = b"stopped at once\n"
# Until a callback that has swallowed an interruption is over.
_SWALLOWED_S: Final = 0.05


def stopped_words(arguments: Sequence[str]) -> str:
    """Return what to say of a command that was stopped and has no result."""
    if "--dry-run" in arguments:
        return "stopped; the dry run is not finished"
    return "stopped; nothing was published"


def end_at_once(signum: int, frame: FrameType | None) -> None:
    """Handle a signal by ending the process, whatever it is in the middle of."""
    os.write(2, f"{stopped_words(sys.argv)}\n".encode())
    os._exit(INTERRUPTED)


def end_at_once_while_importing() -> None:
    """Let a signal end `python -m training.…` quietly while this package is imported on the way to it."""
    if sys.argv[0] == "-m":  # runpy is looking for a command of this package
        for number in _SIGNALS:
            signal.signal(number, end_at_once)


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Let a signal end the process in a block of imports, where it may else become any error."""
    before = {number: signal.signal(number, end_at_once) for number in _SIGNALS}
    try:
        yield
    finally:
        _restore(before)


class Interruptible:
    """A block that the first signal leaves with `KeyboardInterrupt`, tidying up; a second one ends all.

    What a library makes of the first one, or swallows in a callback, is the same to the caller.
    """

    def __init__(self) -> None:
        self._interrupted = False
        self._before: dict[signal.Signals, Any] = {}
        self._hook = sys.unraisablehook

    def __enter__(self) -> None:
        self._before = {number: signal.signal(number, self._interrupt) for number in _SIGNALS}
        self._hook = sys.unraisablehook
        sys.unraisablehook = self._unraisable

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        sys.unraisablehook = self._hook
        _restore(self._before)
        if self._interrupted and isinstance(error, Exception):
            raise KeyboardInterrupt from error

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        if self._interrupted:
            os.write(2, _AT_ONCE)
            os._exit(INTERRUPTED)
        self._interrupted = True
        raise KeyboardInterrupt

    def _unraisable(self, unraisable: "sys.UnraisableHookArgs") -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            self._interrupted = False
            threading.Timer(_SWALLOWED_S, _interrupt_main_thread).start()
        else:
            self._hook(unraisable)


def _interrupt_main_thread() -> None:
    """Send the signal to the thread itself, which may be waiting for something."""
    main = threading.main_thread().ident
    if sys.platform == "win32" or main is None:
        signal.raise_signal(signal.SIGINT)
    else:
        signal.pthread_kill(main, signal.SIGINT)


def end_process(code: int) -> None:
    """End a command with its exit code: at once where it was stopped, for its threads may take seconds."""
    if code == INTERRUPTED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
