"""The options of the commands that read a folder of images but train nothing."""

import argparse
from pathlib import Path

from inference.decoding import OWN_FILES_LIMITS, DecodeLimits, limits_for
from training.errors import ConfigError
from training.label_source import LabelSource
from training.option_values import check_range


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add where labels come from, what is too large to be decoded, and where archives are unpacked."""
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="labels, as for python -m training.finetune"
    )
    parser.add_argument(
        "--label-from", metavar="REGEX", help="labels from file names, as for training.finetune"
    )
    parser.add_argument(
        "--max-pixels",
        type=int,
        metavar="N",
        default=OWN_FILES_LIMITS.max_pixels,
        help="as for training.finetune",
    )
    parser.add_argument(
        "--max-image-bytes",
        type=int,
        metavar="N",
        default=OWN_FILES_LIMITS.max_bytes,
        help="as for training.finetune",
    )
    parser.add_argument(
        "--cache-dir",
        type=Path,
        help="where decoded pixels are kept and archives unpacked (the user's cache folder)",
    )


def chosen_limits(args: argparse.Namespace) -> DecodeLimits:
    """Return the limits that were given.

    Raises:
        ConfigError: they cannot be used.
    """
    for name in ("max_pixels", "max_image_bytes"):
        check_range(name, getattr(args, name))
    try:
        return limits_for(max_bytes=args.max_image_bytes, max_pixels=args.max_pixels)
    except ValueError as err:
        raise ConfigError(str(err)) from err


def chosen_labels(args: argparse.Namespace) -> LabelSource:
    """Return where labels come from."""
    return LabelSource(labels=args.labels, label_from=args.label_from)
