"""Look at a pile of photos; the studio starts this as a process of its own.

    python -m studio.piles FOLDER --into FOLDER [--model MODELS/NAME/VERSION]

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
    exit_code = run_command(lambda: _look(_parser().parse_args(argv), events))
    events.write("end", exit_code=exit_code)
    return exit_code


def _parser() -> OptionParser:
    parser = OptionParser(prog="python -m studio.piles", description="Look at a pile of photos.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--cache-dir", type=Path)
    return parser


def _look(args: argparse.Namespace, events: EventWriter) -> None:
    events.write("stage", stage="starting", done=0, of=1, seconds_left=None)
    # PyTorch takes seconds to import.
    from studio.piles.look_at_pile import look_at_pile

    config = FinetuneConfig(data=args.folder, cache_dir=args.cache_dir, offline=True)
    look_at_pile(config, args.model, args.into, JsonDisplay(Console(quiet=True), events=events))


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
