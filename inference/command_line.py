"""What all command lines have in common: how they write, and how they end."""

import io
import os
import sys
from collections.abc import Callable
from typing import Final

from inference.errors import InferenceError

BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
# As a shell reports a process that SIGPIPE ended.
_CLOSED_PIPE: Final = 141


def run_command(
    work: Callable[[], int | None],
    *,
    refusals: tuple[type[Exception], ...] = (),
    when_stopped: Callable[[KeyboardInterrupt], str] = lambda _: "stopped",
) -> int:
    """Do a command's work and return its exit code.

    What `work` returns, or 0; 2 for input that cannot be used (`InferenceError` and `refusals`), with the
    error's message; 130 after Ctrl-C, with what `when_stopped` says; 141 without a word where the reader
    has gone, as in `command | head`.
    """
    refused: tuple[type[Exception], ...] = (InferenceError, *refusals)
    try:
        code = work()
        sys.stdout.flush()
    except refused as err:
        print(f"error: {err}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt as err:
        print(when_stopped(err), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered would raise once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED_PIPE
    return code or 0


def write_text() -> None:
    """Let no file name or label stop the output: what the terminal's encoding lacks is replaced."""
    _set_output(errors="replace")


def write_json() -> None:
    """Write UTF-8, as JSON is, whatever the terminal's encoding.

    Linux allows bytes in file names that are no UTF-8; they become the escapes that JSON has for them.
    """
    _set_output(encoding="utf-8", errors="backslashreplace")


def _set_output(*, errors: str, encoding: str | None = None) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding, errors=errors)
