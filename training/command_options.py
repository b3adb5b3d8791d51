"""The flags of `python -m training.finetune`: one for each field of `FinetuneConfig`."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from inference.errors import UsageError
from inference.option_parser import OptionParser
from training.config import AUTO, COMMAND, FinetuneConfig
from training.errors import ConfigError
from training.option_field import SECTIONS
from training.presets import preset_options


def build_parser(prog: str = COMMAND) -> OptionParser:
    """Return the command line: one flag for each field of `FinetuneConfig`, in groups by section."""
    parser = OptionParser(
        prog=prog,
        usage=f"{prog} DATA [options]",
        description="Fine-tune a pretrained backbone on a folder of images and publish it as ONNX.",
    )
    groups = {key: parser.add_argument_group(title) for key, title in SECTIONS.items()}
    for option in dataclasses.fields(FinetuneConfig):
        if option.name == "data":
            parser.add_argument("data", type=Path, metavar="DATA", help=option.metadata["help"])
            continue
        flag = f"--{option.name.replace('_', '-')}"
        groups[option.metadata["section"]].add_argument(flag, **_argument(option))
    return parser


def _argument(option: dataclasses.Field[Any]) -> dict[str, Any]:
    """Return what `add_argument` takes for a field."""
    metadata, default = option.metadata, option.default
    shown = metadata["shown"]
    if shown is None and default is not None and default is not False and default != ():
        shown = str(default)
    text = metadata["help"] + ("" if shown is None else f" (default: {shown})")
    # What was not typed is not in the answer, so that a preset knows what it may set.
    arguments: dict[str, Any] = {"default": argparse.SUPPRESS, "help": text}
    if option.type is bool:
        return arguments | {"action": "store_true"}
    if metadata["words"]:
        return arguments | {"nargs": "+", "metavar": metadata["words"]}
    return arguments | {
        "type": metadata["parse"] or str,
        "choices": metadata["choices"],
        "metavar": metadata["metavar"],
    }


def parse_config(argv: list[str] | None, *, prog: str = COMMAND) -> FinetuneConfig:
    """Read the command line.

    Raises:
        ConfigError: there is no such option, or its value is not allowed.
        SystemExit: for `--help`.
    """
    try:
        given = vars(build_parser(prog).parse_args(argv))
    except UsageError as err:
        raise ConfigError(str(err)) from err
    for several in ("backbone_args", "candidates"):
        if several in given:
            given[several] = tuple(given[several])
    if "candidates" in given:
        given.setdefault("backbone", AUTO)
    return FinetuneConfig(**preset_options(given) | given)
