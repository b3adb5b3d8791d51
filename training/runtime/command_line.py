"""What the command lines of this package have in common: errors, exit codes, files to write."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference import command_line
from inference.strictjson import to_json
from training.errors import ConfigError, TrainingError
from training.interrupts import Interruptible


def run_command(
    work: Callable[[], int | None],
    *,
    when_stopped: Callable[[KeyboardInterrupt], str] = lambda _: "stopped",
) -> int:
    """Do a command's work and return its exit code; see `inference.command_line`."""

    def interruptible() -> int | None:
        with Interruptible():
            return work()

    return command_line.run_command(
        interruptible, refusals=(TrainingError,), when_stopped=when_stopped
    )


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
    """Write plain values and dataclasses as JSON.

    Raises:
        ConfigError: there is no room for it.
    """
    write_page(file, json.dumps(to_json(content), ensure_ascii=False, indent=1) + "\n")


def write_page(file: Path, text: str) -> None:
    """Write a text.

    Raises:
        ConfigError: there is no room for it.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as err:
        reason = err.strerror or type(err).__name__
        raise ConfigError(
            f"cannot write {str(file)!r}: {reason}; make room, or give another file"
        ) from err
