"""Look an image folder over before a model is trained on it. No file of the folder is changed.

    python -m training.audit photos/
    python -m training.audit photos/ --json audit.json --html audit.html

Prints what was found, the costliest first. Exit code 0, also with findings; with `--fail-on` 1 where
there are such; 2 for bad input, which is reported as far as it can be; 130 after Ctrl-C.
"""

import argparse
from pathlib import Path
from typing import Final

from rich.console import Console

from inference.option_parser import OptionParser
from training.config import DEFAULT_BACKBONE, FinetuneConfig
from training.data.data_options import add_data_options
from training.interrupts import end_process
from training.runtime.command_line import check_writable, run_command, write_json, write_page
from training.runtime.progress import Display

_FAILING: Final = {
    "error": frozenset({"error"}),
    "warning": frozenset({"error", "warning"}),
    "never": frozenset[str](),
}


def main(argv: list[str] | None = None, *, prog: str = "python -m training.audit") -> int:
    """Run the command line; return the exit code."""
    return run_command(lambda: _audit(_build_parser(prog).parse_args(argv)))


def _build_parser(prog: str) -> OptionParser:
    parser = OptionParser(
        prog=prog,
        description="Find copies, leaks, likely wrong labels and poor images in an image folder.",
    )
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="folder as for python -m training.finetune"
    )
    add_data_options(parser)
    parser.add_argument(
        "--min-images", type=int, metavar="N", help="leave classes of fewer readable images out"
    )
    parser.add_argument(
        "--fail-on",
        choices=["error", "warning", "never"],
        default="never",
        help="exit with code 1 where there is a finding of that severity, or of a worse one (never)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all findings as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one page with thumbnails")
    parser.add_argument(
        "--backbone", default=DEFAULT_BACKBONE, help="network whose features compare the images"
    )
    parser.add_argument(
        "--weights",
        default="auto",
        help="auto (pretrained), a FILE, or none: then labels are not checked",
    )
    parser.add_argument("--image-size", type=int, help="input side in px (the weights' own)")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the folds by which labels are checked"
    )
    parser.add_argument("--offline", action="store_true", help="never touch the network")
    return parser


def _audit(args: argparse.Namespace) -> int:
    for file in (args.json, args.html):
        check_writable(file)
    config = FinetuneConfig(
        data=args.data,
        labels=args.labels,
        label_from=args.label_from,
        min_images=args.min_images,
        max_pixels=args.max_pixels,
        max_image_bytes=args.max_image_bytes,
        backbone=args.backbone,
        weights=args.weights,
        image_size=args.image_size,
        seed=args.seed,
        cache_dir=args.cache_dir,
        offline=args.offline,
    )
    # PyTorch takes seconds to import: wrong options are refused before.
    from training.audit.audit_page import render_page
    from training.audit.folder_audit import run_audit
    from training.audit.summary import print_summary
    from training.data.layout import raise_errors

    display = Display(Console())
    with run_audit(config, display) as (audit, pixels):
        if args.json is not None:
            write_json(args.json, audit.to_json())
        if args.html is not None:
            write_page(args.html, render_page(audit, pixels))
    print_summary(audit, display, all_in=_where_all_is(args))
    if not audit.images or len(audit.folder.labels) < 2:
        full = args.html or args.json
        raise_errors(
            audit.folder, all_in=str(full) if full else None
        )  # there is nothing to train on
    return int(any(finding.severity in _FAILING[args.fail_on] for finding in audit.findings))


def _where_all_is(args: argparse.Namespace) -> str:
    files = [str(file) for file in (args.json, args.html) if file is not None]
    return " or ".join(files) or "--json FILE or --html FILE"


if __name__ == "__main__":
    end_process(main())
