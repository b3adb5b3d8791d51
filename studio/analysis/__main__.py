"""Look at a folder and write what was found; the studio starts this as a process of its own.

    python -m studio.analysis DATA --into FOLDER [--labels FILE] [--cache-dir DIR]

Writes events as `python -m training.finetune --progress json` does. Exit code 0; 2 for a folder that cannot
be used; 130 when it was stopped.
"""

import argparse
import sys
from pathlib import Path

from inference.option_parser import OptionParser
from studio.processes.look_command import run_look
from training.config import FinetuneConfig
from training.runtime.json_progress import JsonDisplay


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_look(_parser(), argv, _analyse)


def _parser() -> OptionParser:
    parser = OptionParser(prog="python -m studio.analysis", description="Look at an image folder.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--cache-dir", type=Path)
    return parser


def _analyse(args: argparse.Namespace, display: JsonDisplay) -> None:
    # PyTorch takes seconds to import.
    from studio.analysis.look_at_folder import look_at_folder

    config = FinetuneConfig(
        data=args.data, labels=args.labels, cache_dir=args.cache_dir, offline=True
    )
    look_at_folder(config, args.into, display)


if __name__ == "__main__":
    sys.exit(main())
