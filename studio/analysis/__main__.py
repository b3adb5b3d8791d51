"""Look at a folder and write what was found; the studio starts this as a process of its own.

    python -m studio.analysis DATA --into FOLDER [--labels FILE] [--cache-dir DIR]

Writes events as `python -m training.finetune --progress json` does. Exit code 0; 2 for a folder that cannot
be used; 130 when it was stopped.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from rich.console import Console

from inference.option_parser import OptionParser
from training.config import FinetuneConfig
from training.runtime.command_line import run_command
from training.runtime.json_progress import EventWriter, JsonDisplay


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    events = EventWriter(time.monotonic())
    signal.signal(signal.SIGTERM, _interrupt)
    exit_code = run_command(lambda: _analyse(_parser().parse_args(argv), events))
    events.write("end", exit_code=exit_code)
    return exit_code


def _parser() -> OptionParser:
    parser = OptionParser(prog="python -m studio.analysis", description="Look at an image folder.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--cache-dir", type=Path)
    return parser


def _analyse(args: argparse.Namespace, events: EventWriter) -> None:
    events.write("stage", stage="starting", done=0, of=1, seconds_left=None)
    # PyTorch takes seconds to import.
    from studio.analysis.look_at_folder import look_at_folder

    config = FinetuneConfig(
        data=args.data, labels=args.labels, cache_dir=args.cache_dir, offline=True
    )
    display = JsonDisplay(Console(quiet=True), events=events)
    look_at_folder(config, args.into, display)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
