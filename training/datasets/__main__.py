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

from training.data.cache import default_cache_dir
from training.errors import TrainingError
from training.runtime.progress import Display


def build_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    # PyTorch takes seconds to import: the names are read where they are needed.
    from training.datasets.known_datasets import SOURCES

    parser = argparse.ArgumentParser(
        prog="python -m training.datasets",
        description="Write a standard dataset as a folder of images, one sub-folder a class.",
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


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = build_parser().parse_args(argv)
    from training.datasets.folder_writer import write_dataset
    from training.datasets.known_datasets import SOURCES

    display = Display(Console())
    source = SOURCES[arguments.name]
    try:
        with display.bar(f"writing {source.title}", None) as advance:
            written = write_dataset(
                source,
                arguments.out,
                arguments.root or default_cache_dir() / "datasets",
                download=not arguments.no_download,
                advance=advance,
            )
    except TrainingError as err:
        print(f"error: {err}", file=sys.stderr)
        return 2
    display.line(f"{written} images in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
