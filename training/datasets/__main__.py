"""Write a standard dataset as a folder of images.

    python -m training.datasets cifar10 data/cifar10
    python -m training.finetune data/cifar10

It is downloaded by torchvision, which needs the network, or taken from a copy: `--root FOLDER
--no-download`.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from inference.option_parser import OptionParser
from training.data.cache import default_cache_dir
from training.runtime.command_line import run_command
from training.runtime.progress import Display


def build_parser(prog: str) -> OptionParser:
    """Return the command line."""
    # PyTorch takes seconds to import: the names are read where they are needed.
    from training.datasets.known_datasets import SOURCES

    parser = OptionParser(
        prog=prog,
        description="Write a standard dataset as a folder of images, one subfolder per class.",
    )
    parser.add_argument("name", choices=sorted(SOURCES), help="which dataset")
    parser.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    parser.add_argument(
        "--root",
        type=Path,
        default=None,
        help="where downloads are kept, or a copy is (the user's cache folder)",
    )
    parser.add_argument(
        "--no-download",
        action="store_true",
        help="never touch the network; take the copy in --root",
    )
    return parser


def main(argv: list[str] | None = None, *, prog: str = "python -m training.datasets") -> int:
    """Run the command line; return the exit code."""
    return run_command(lambda: _write(build_parser(prog).parse_args(argv), Display(Console())))


def _write(arguments: argparse.Namespace, display: Display) -> None:
    from training.datasets.folder_writer import write_dataset
    from training.datasets.known_datasets import SOURCES

    source = SOURCES[arguments.name]
    with display.bar(f"writing {source.title}", None) as advance:
        written = write_dataset(
            source,
            arguments.out,
            arguments.root or default_cache_dir() / "datasets",
            download=not arguments.no_download,
            advance=advance,
        )
    display.line(f"{written} images in {arguments.out}")


if __name__ == "__main__":
    sys.exit(main())
