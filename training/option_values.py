"""What a person types for an option, read: durations, channel values, precisions."""

import argparse
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from inference.manifest import MODEL_FILES, Precision
from training.errors import ConfigError

Precisions = tuple[Precision, ...]

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}

# Options that are numbers: what is allowed, and how it is said.
RANGES: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "min_images": (lambda n: n >= 1, "1 or more"),
    "max_pixels": (lambda n: n >= 1, "1 or more"),
    "max_image_bytes": (lambda n: n >= 1, "1 or more"),
    # What numpy, PyTorch and scikit-learn take, which count some on from it.
    "seed": (lambda n: 0 <= n < 2**31, "0 to 2147483647"),
    "batch_size": (lambda n: n >= 1, "1 or more"),
    "epochs": (lambda n: 0 < n <= 10_000, "above 0 and at most 10000"),
    "learning_rate": (lambda rate: 0 < rate < 10, "between 0 and 10"),
    "weight_decay": (lambda decay: 0 <= decay < 1, "0 to below 1"),
    "image_size": (lambda px: 16 <= px <= 2048, "16 to 2048 px"),
    "mean": (
        lambda mean: min(mean) >= 0 and max(mean) <= 1,
        "0 to 1, as pixels of 0 to 255 divided by 255",
    ),
    "std": (
        lambda std: min(std) > 0 and max(std) <= 1,
        "above 0 to 1, as pixels of 0 to 255 divided by 255",
    ),
    "coverage": (lambda share: 0 < share < 1, "between 0 and 1"),
}


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


def check_range(name: str, value: Any) -> None:
    """Check a number that was given for an option of `RANGES`; None is one that was not.

    Raises:
        ConfigError: it is outside of its range.
    """
    allowed, words = RANGES[name]
    if value is not None and not allowed(value):
        raise ConfigError(f"--{name.replace('_', '-')} must be {words}, got {value}")
