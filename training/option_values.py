"""What a person types for an option, read: durations, channel values, precisions."""

import argparse
import math
import re
from collections.abc import Sequence
from typing import Any, Final

from inference.manifest import MODEL_FILES, Precision
from training.errors import ConfigError

Precisions = tuple[Precision, ...]

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def parse_duration_s(text: str) -> float:
    """Return the seconds in `"90s"`, `"10m"` or `"1.5h"`."""
    match = _DURATION.fullmatch(text.strip().lower())
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 90s, 10m or 1.5h")
    if not match[2]:
        raise argparse.ArgumentTypeError(
            f"{text!r} has no unit; write {match[1]}s, {match[1]}m or {match[1]}h"
        )
    return float(match[1]) * _SECONDS[match[2]]


def parse_channels(text: str) -> tuple[float, float, float]:
    """Return three numbers from `"0.5"` (all the same) or `"0.485,0.456,0.406"`."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError as err:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not one number or three with commas"
        ) from err
    if len(values) == 1:
        values *= 3
    if len(values) != 3 or not all(map(math.isfinite, values)):
        raise argparse.ArgumentTypeError(f"{text!r} is not one number or three with commas")
    return values[0], values[1], values[2]


def parse_precisions(text: str) -> Precisions:
    """Return the precisions in `"fp32,int8"`; fp32 is always published, named or not."""
    asked = {part.strip() for part in text.split(",")}
    if unknown := sorted(asked - MODEL_FILES.keys()):
        choices = ", ".join(MODEL_FILES)
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no precision; choose of {choices}")
    return tuple(precision for precision in MODEL_FILES if precision in asked | {"fp32"})


def parse_builder_args(arguments: Sequence[str]) -> dict[str, Any]:
    """Return `key=value` words as keyword arguments, numbers and booleans read as such.

    Raises:
        ConfigError: one is not of that form.
    """
    parsed = {}
    for argument in arguments:
        key, separator, value = argument.partition("=")
        if not separator or not key.isidentifier():
            raise ConfigError(f"backbone argument {argument!r} is not of the form key=value")
        parsed[key] = _literal(value)
    return parsed


def _literal(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
