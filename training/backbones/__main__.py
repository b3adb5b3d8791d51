"""List the backbones that can be fine-tuned.

python -m training.backbones                     # one of each family
python -m training.backbones --recommended       # a short list, and why
python -m training.backbones 'resnet*'           # every name that matches
python -m training.backbones resnet18 --summary  # layers, output shapes, parameters
"""

import argparse
import sys
from collections.abc import Iterable
from typing import Final

from inference.option_parser import OptionParser
from training.backbones.catalogue import (
    FAMILIES,
    BackboneName,
    CatalogueEntry,
    describe_backbone,
    find_backbone,
    nearest_backbones,
    search_backbones,
)
from training.backbones.recommended import RECOMMENDED
from training.errors import BackboneError
from training.runtime.command_line import run_command

_HEADER: Final = f"{'backbone':<52}{'params':>9}{'input':>9}  licence of the weights"
_BYTES_PER_WEIGHT: Final = 4


def main(argv: list[str] | None = None, *, prog: str = "python -m training.backbones") -> int:
    """Run the command line; return the exit code."""
    parser = OptionParser(prog=prog, description="List backbones with size and licence.")
    parser.add_argument("pattern", nargs="?", help="part of a name, or a shell pattern: 'resnet*'")
    parser.add_argument(
        "--recommended", action="store_true", help="a short list over a range of cost, and why"
    )
    parser.add_argument(
        "--summary",
        action="store_true",
        help="layers, output shapes and parameters of the one that is named",
    )
    parser.add_argument(
        "--depth", type=int, default=2, metavar="N", help="levels of the summary (default: 2)"
    )
    parser.add_argument(
        "--image-size", type=int, metavar="PX", help="input side of the summary (default: its own)"
    )
    return run_command(lambda: _run(parser.parse_args(argv)))


def _run(options: argparse.Namespace) -> None:
    if options.summary:
        _print_summary(options)
    elif options.recommended:
        _print_recommended()
    elif options.pattern:
        _print_rows(_matching(options.pattern))
    else:
        _print_rows(find_backbone(name) for name in FAMILIES)
        total = len(search_backbones("*"))
        print(
            f"\n{total} in all; give a pattern to see more: python -m training.backbones 'convnext*'\n"
            "which to try: python -m training.backbones --recommended"
        )


def _print_summary(options: argparse.Namespace) -> None:
    if options.pattern is None:
        raise BackboneError(
            "--summary needs a backbone: python -m training.backbones resnet18 --summary"
        )
    # It needs a library that nothing else here does.
    from training.backbones.summary import summarise_backbone

    print(summarise_backbone(options.pattern, depth=options.depth, image_size=options.image_size))


def _print_recommended() -> None:
    print(f"{'backbone':<46}{'params':>8}{'file':>8}{'input':>8}  {'licence':<16}why")
    for recommendation in RECOMMENDED:
        entry = describe_backbone(find_backbone(recommendation.name))
        size_mb = f"{entry.num_params * _BYTES_PER_WEIGHT / 1e6:.0f} MB"
        print(
            f"{entry.backbone!s:<46}{_params(entry):>8}{size_mb:>8}{_input(entry):>8}  "
            f"{entry.licence:<16}{recommendation.why}",
            flush=True,
        )
    print(
        "\nWhich is best depends on the images. Try one: python -m training.finetune DATA --backbone NAME\n"
        "or let the images choose: --backbone auto (docs/backbones.md)"
    )


def _matching(pattern: str) -> list[BackboneName]:
    backbones = search_backbones(pattern)
    if not backbones:
        near = nearest_backbones(pattern.strip("*"))
        hint = f"; near names: {', '.join(near)}" if near else ""
        raise BackboneError(f"no backbone matches {pattern!r}{hint}")
    return backbones


def _print_rows(backbones: Iterable[BackboneName]) -> None:
    print(_HEADER)
    for backbone in backbones:
        entry = describe_backbone(backbone)
        licence = entry.licence if entry.pretrained else "no pretrained weights"
        print(f"{backbone!s:<52}{_params(entry):>9}{_input(entry):>9}  {licence}", flush=True)


def _params(entry: CatalogueEntry) -> str:
    return f"{entry.num_params / 1e6:.1f} M"


def _input(entry: CatalogueEntry) -> str:
    return f"{entry.input_px} px"


if __name__ == "__main__":
    sys.exit(main())
