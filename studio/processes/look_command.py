"""What the commands share that the studio starts to look at a folder: events as lines, an end by a signal."""

import argparse
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

from rich.console import Console

from training.runtime.command_line import run_command
from training.runtime.json_progress import EventWriter, JsonDisplay


def run_look(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    look: Callable[[argparse.Namespace, JsonDisplay], None],
) -> int:
    """Parse, look, and return the exit code, which is also the last event's."""
    events = EventWriter(time.monotonic())
    signal.signal(signal.SIGTERM, _interrupt)

    def run() -> None:
        args = parser.parse_args(argv)
        events.write("stage", stage="starting", done=0, of=1, seconds_left=None)
        look(args, JsonDisplay(Console(quiet=True), events=events))

    exit_code = run_command(run)
    events.write("end", exit_code=exit_code)
    return exit_code


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
