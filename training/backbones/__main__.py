"""List the backbones that can be fine-tuned.

python -m training.backbones                # one of each family
python -m training.backbones 'resnet*'      # every name that matches
"""

import sys

from inference.option_parser import OptionParser
from training.backbones.catalogue import (
    FAMILIES,
    CatalogueEntry,
    describe_backbone,
    find_backbone,
    search_backbones,
)
from training.errors import BackboneError
from training.runtime.command_line import run_command


def main(argv: list[str] | None = None, *, prog: str = "python -m training.backbones") -> int:
    """Run the command line; return the exit code."""
    parser = OptionParser(prog=prog, description="List backbones with size and licence.")
    parser.add_argument("pattern", nargs="?", help="part of a name, or a shell pattern: 'resnet*'")
    return run_command(lambda: _list(parser.parse_args(argv).pattern))


def _list(pattern: str | None) -> None:
    backbones = search_backbones(pattern) if pattern else [find_backbone(n) for n in FAMILIES]
    if not backbones:
        raise BackboneError(f"no backbone matches {pattern!r}")
    print(f"{'backbone':<52}{'params':>9}{'input':>9}  licence of the weights")
    for backbone in backbones:
        print(_row(describe_backbone(backbone)), flush=True)
    if not pattern:
        total = len(search_backbones("*"))
        print(
            f"\n{total} in all; give a pattern to see more: python -m training.backbones 'convnext*'"
        )


def _row(entry: CatalogueEntry) -> str:
    licence = entry.licence if entry.pretrained else "no pretrained weights"
    params, size = f"{entry.num_params / 1e6:.1f} M", f"{entry.input_px} px"
    return f"{entry.backbone!s:<52}{params:>9}{size:>9}  {licence}"


if __name__ == "__main__":
    sys.exit(main())
