"""What the command lines of this package have in common: errors, exit codes, files to write."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from inference.errors import InferenceError
from inference.strictjson import to_json
from training.errors import ConfigError, TrainingError

BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
# As a shell reports a process that SIGPIPE ended.
_CLOSED_PIPE: Final = 141


def run_command(
    work: Callable[[], int | None],
    *,
    when_stopped: Callable[[KeyboardInterrupt], str] = lambda _: "stopped",
) -> int:
    """Do a command's work and return its exit code.

    What `work` returns, or 0; 2 for input that cannot be used, with its message; 130 after Ctrl-C, with
    what `when_stopped` says; 141 without a word where the reader has gone, as in `command | head`.
    """
    try:
        code = work()
        sys.stdout.flush()
    except (TrainingError, InferenceError) as err:
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


def check_writable(file: Path | None) -> None:
    """Find out before the work, not after it.

    Raises:
        ConfigError: the file cannot be written.
    """
    if file is not None and (file.is_dir() or not os.access(file.parent, os.W_OK)):
        raise ConfigError(
            f"cannot write {str(file)!r}; give a file in a folder that may be written"
        )


def write_json(file: Path, content: Any) -> None:
    """Write plain values and dataclasses as JSON."""
    text = json.dumps(to_json(content), ensure_ascii=False, indent=1)
    file.write_text(text + "\n", encoding="utf-8")
