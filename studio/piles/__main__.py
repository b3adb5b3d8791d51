"""Look at a pile of photos; the studio starts this as a process of its own.

    python -m studio.piles FOLDER --into FOLDER [--model MODELS/NAME/VERSION] [--only FILE]

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
    return run_look(_parser(), argv, _look)


def _parser() -> OptionParser:
    parser = OptionParser(prog="python -m studio.piles", description="Look at a pile of photos.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--only", type=Path, help="names of the files to look at, one a line")
    parser.add_argument("--cache-dir", type=Path)
    return parser


def _look(args: argparse.Namespace, display: JsonDisplay) -> None:
    # PyTorch takes seconds to import.
    from studio.piles.look_at_pile import look_at_pile

    config = FinetuneConfig(data=args.folder, cache_dir=args.cache_dir, offline=True)
    only = frozenset(args.only.read_text("utf-8").splitlines()) if args.only else None
    look_at_pile(config, args.model, args.into, display, only=only)


if __name__ == "__main__":
    sys.exit(main())
