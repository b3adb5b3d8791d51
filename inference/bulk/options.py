"""The options of a run over many images, and what they demand of each other."""

import argparse
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.bulk.sources import STANDARD_INPUT
from inference.decoding import OWN_FILES_LIMITS, DecodeLimits
from inference.errors import UsageError
from inference.option_parser import OptionParser, positive_int

OUTPUT_SUFFIXES: Final = (".csv", ".jsonl", ".parquet")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_UNIT_S: Final = {"ms": 1e-3, "s": 1.0, "m": 60.0}
_NEEDS_OUT: Final = ("resume", "sort_into", "link", "video", "every_s", "probabilities", "workers")


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOptions:
    """A run over many images.

    Attributes:
        out: the file of rows; its suffix is the format.
        resume: go on with what is in `out`.
        top_k: labels a row.
        probabilities: every label's probability, in CSV.
        sort_into: the folder to put images into by label, if any.
        link: hard links in place of copies there.
        every_s: the distance of a video's frames; None leaves videos alone.
        workers: threads; None is one a core.
        limits: the largest image that is decoded.
    """

    out: Path
    resume: bool = False
    top_k: int = 5
    probabilities: bool = False
    sort_into: Path | None = None
    link: bool = False
    every_s: float | None = None
    workers: int | None = None
    limits: DecodeLimits = OWN_FILES_LIMITS

    def __post_init__(self) -> None:
        if self.out.suffix.lower() not in OUTPUT_SUFFIXES:
            raise UsageError(
                f"--out {str(self.out)!r} must end in {', '.join(OUTPUT_SUFFIXES[:-1])} or "
                f"{OUTPUT_SUFFIXES[-1]}"
            )
        if self.probabilities and self.out.suffix.lower() != ".csv":
            raise UsageError("--probabilities is for CSV; for others raise --top-k")
        if self.link and self.sort_into is None:
            raise UsageError("--link says how --sort-into OUT puts images there; give that too")
        if self.sort_into is not None and self.every_s is not None:
            raise UsageError("--sort-into takes image files, not frames of videos; leave one out")


def add_bulk_options(parser: OptionParser) -> None:
    """Add the options of a run over many images to a command."""
    group = parser.add_argument_group("many images", "a folder, zip archive, list or - into a file")
    group.add_argument("--out", type=Path, metavar="FILE", help="write .csv, .jsonl or .parquet")
    group.add_argument("--resume", action="store_true", help="go on with FILE where it stopped")
    group.add_argument(
        "--probabilities", action="store_true", help="a CSV column for each label's probability"
    )
    group.add_argument(
        "--sort-into",
        type=Path,
        metavar="DIR",
        help="copy each image into DIR/LABEL; none is overwritten",
    )
    group.add_argument("--link", action="store_true", help="hard links in place of those copies")
    group.add_argument("--video", action="store_true", help="answer frames of videos too")
    group.add_argument(
        "--every",
        type=parse_every_s,
        dest="every_s",
        metavar="1s",
        help="how far apart frames are (1s)",
    )
    group.add_argument("--workers", type=positive_int, metavar="N", help="threads (one a core)")


def read_bulk_options(args: argparse.Namespace) -> BulkOptions | None:
    """Return the options of a run; None where one image after the other is printed.

    Raises:
        UsageError: options that need another, or contradict each other.
    """
    if args.out is None:
        for name in _NEEDS_OUT:
            if getattr(args, name):
                shown = name.removesuffix("_s").replace("_", "-")
                raise UsageError(f"--{shown} needs --out predictions.csv")
        if STANDARD_INPUT in map(str, args.images):
            raise UsageError("- reads a list of paths and needs --out predictions.csv")
        return None
    for name in ("json", "set", "similar"):
        if getattr(args, name):
            raise UsageError(f"--{name} is for what is printed; leave it or --out out")
    if args.every_s is not None and not args.video:
        raise UsageError("--every is about videos; add --video")
    return BulkOptions(
        out=args.out,
        resume=args.resume,
        top_k=args.top_k,
        probabilities=args.probabilities,
        sort_into=args.sort_into,
        link=args.link,
        every_s=(args.every_s or 1.0) if args.video else None,
        workers=args.workers,
        limits=args.limits,
    )


def parse_every_s(text: str) -> float:
    """Return the seconds in "500ms", "1s" or "2m"."""
    match = _DURATION.fullmatch(text.strip().lower())
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 500ms, 1s or 2m")
    return float(match[1]) * _UNIT_S[match[2]]


def check_sort_folder(folder: Path, arguments: list[str]) -> None:
    """Refuse to sort into what is read.

    Raises:
        UsageError: `folder` lies in one of the folders to be answered.
    """
    full = os.path.realpath(folder)
    for argument in arguments:
        if os.path.isdir(argument) and Path(full).is_relative_to(os.path.realpath(argument)):
            raise UsageError(
                f"--sort-into {str(folder)!r} lies in {argument!r}, which is read; give a folder beside it"
            )
