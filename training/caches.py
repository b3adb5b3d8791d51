"""Show what training keeps in the cache folder, and clear it.

    python -m training.caches
    python -m training.caches --clear              # all that a run makes again by itself
    python -m training.caches --clear runs         # checkpoints of unfinished runs, too
    python -m training.caches --limit 5            # GiB that decoded pixels may take (20 without it)

Exit code 0; 2 for a wrong option, or where the folder cannot be changed.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from inference.option_parser import OptionParser
from training.data.cache import default_cache_dir
from training.data.cache_contents import PARTS, CachePart, clear, size_bytes
from training.data.cache_limit import cache_limit_bytes, set_cache_limit
from training.errors import ConfigError
from training.runtime.command_line import run_command
from training.runtime.progress import Display


def build_parser(prog: str) -> OptionParser:
    """Return the command line."""
    parser = OptionParser(
        prog=prog,
        description="Show what training keeps in the cache folder, and clear it. A second run on the same "
        "images and backbone is faster for it.",
    )
    parser.add_argument(
        "--clear",
        nargs="*",
        choices=[part.name for part in PARTS],
        metavar="PART",
        help="remove parts by their names in the list; without a name, all but runs and datasets",
    )
    parser.add_argument(
        "--limit", type=float, metavar="GIB", help="how much decoded pixels may take, from now on"
    )
    parser.add_argument(
        "--cache-dir", type=Path, default=None, help="the folder (default: the user's cache folder)"
    )
    return parser


def main(argv: list[str] | None = None, *, prog: str = "python -m training.caches") -> int:
    """Run the command line; return the exit code."""
    return run_command(lambda: _run(build_parser(prog).parse_args(argv), Display(Console())))


def _run(arguments: argparse.Namespace, display: Display) -> None:
    folder = arguments.cache_dir or default_cache_dir()
    if arguments.limit is not None:
        set_cache_limit(folder, arguments.limit)
    if arguments.clear is not None:
        _clear([part for part in PARTS if _is_meant(part, arguments.clear)], folder, display)
    display.line(f"cache folder {folder}")
    for part in PARTS:
        limit = ""
        if part is PARTS[0]:
            limit = f", at most {cache_limit_bytes(folder) / 2**30:.3g} GiB (--limit)"
        display.line(
            f"  {part.name:<16} {_megabytes(size_bytes(folder, part)):>12}  {part.holds}{limit}"
        )


def _is_meant(part: CachePart, named: list[str]) -> bool:
    return part.name in named if named else part.made_again


def _clear(parts: list[CachePart], folder: Path, display: Display) -> None:
    try:
        removed = sum(clear(folder, part) for part in parts)
    except OSError as err:
        raise ConfigError(
            f"cannot clear {str(err.filename or folder)!r}: {err.strerror or err}; change its permissions"
        ) from err
    display.line(f"removed {_megabytes(removed)}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
