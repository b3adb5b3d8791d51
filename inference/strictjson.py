"""Frozen dataclasses to and from JSON, refusing what does not fit: unknown keys, wrong types.

A package may come from another machine and another version of this project, so nothing is guessed
or coerced. Each message names the place (`manifest.calibration.temperature`).
"""

import dataclasses
import functools
import json
import math
import re
import types
from collections.abc import Mapping
from typing import (
    Any,
    Final,
    Literal,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

T = TypeVar("T")

# What is refused is shown so far: a message ends in logs and answers.
_SHOWN_CHARS: Final = 80
_SHOWN_KEYS: Final = 5
_MESSAGE_CHARS: Final = 400
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str | bytes) -> Any:
    """Return what JSON text says.

    Raises:
        ValueError: it is no JSON, nested too deeply, holds NaN or Infinity, or half of a character,
            which could not be written again. The message is what follows the name of the text.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        data = json.loads(text, parse_constant=_refuse_constant)
        if _ESCAPED_SURROGATE.search(text):
            json.dumps(data, ensure_ascii=False).encode("utf-8")
    except _NotFinite:
        raise
    except UnicodeEncodeError as err:
        raise ValueError("holds half of a character (a lone surrogate)") from err
    except (ValueError, RecursionError) as err:
        raise ValueError("is not valid JSON") from err
    return data


class _NotFinite(ValueError):
    pass


def _refuse_constant(name: str) -> NoReturn:
    raise _NotFinite(f"holds {name}, which is no number")


def to_json(value: Any) -> Any:
    """Turn a dataclass (or a container of them) into what `json.dumps` takes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def from_json(expected: type[T], data: Any, *, where: str) -> T:
    """Build `expected` from parsed JSON.

    Raises:
        ValueError: a key is unknown or missing, or a value has the wrong type or is out of range.
            The message is short, however long the value.
    """
    try:
        value: T = _build(expected, data, where)
    except ValueError as err:
        raise ValueError(_shortened(str(err), _MESSAGE_CHARS)) from err
    return value


def _build(expected: Any, data: Any, where: str) -> Any:
    if dataclasses.is_dataclass(expected):
        return _build_dataclass(expected, data, where)
    origin, args = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return _build_optional(args, data, where)
    if origin is Literal:
        _require(data in args, f"one of {list(args)}", data, where)
        return data
    if origin is tuple:
        return _build_tuple(args, data, where)
    if origin in (dict, Mapping):
        _require(isinstance(data, dict), "an object", data, where)
        return {
            _build(args[0], key, f"each key of {where}"): _build(args[1], item, f"{where}.{key}")
            for key, item in data.items()
        }
    return _build_scalar(expected, data, where)


def _build_dataclass(expected: Any, data: Any, where: str) -> Any:
    _require(isinstance(data, dict), "an object", data, where)
    hints = _type_hints(expected)
    fields = {f.name: f for f in dataclasses.fields(expected)}
    if unknown := sorted(data.keys() - fields.keys()):
        shown = [_shortened(key, _SHOWN_CHARS) for key in unknown[:_SHOWN_KEYS]]
        more = f" and {len(unknown) - _SHOWN_KEYS} more" if len(unknown) > _SHOWN_KEYS else ""
        raise ValueError(f"{where} has unknown keys {shown}{more}")
    required = {
        name
        for name, f in fields.items()
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    if missing := sorted(required - data.keys()):
        raise ValueError(f"{where} lacks {missing}")
    built = {key: _build(hints[key], item, f"{where}.{key}") for key, item in data.items()}
    try:
        return expected(**built)
    except ValueError as err:
        raise ValueError(f"{where}: {err}") from err


@functools.cache  # three quarters of the time that a manifest takes to read
def _type_hints(expected: type) -> dict[str, Any]:
    return get_type_hints(expected)


def _build_optional(args: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and types.NoneType in args:
        return None
    (inner,) = (arg for arg in args if arg is not types.NoneType)
    return _build(inner, data, where)


def _build_tuple(args: tuple[Any, ...], data: Any, where: str) -> Any:
    _require(isinstance(data, list), "a list", data, where)
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_build(args[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if len(data) != len(args):
        raise ValueError(f"{where} must have {len(args)} entries, has {len(data)}")
    return tuple(
        _build(arg, item, f"{where}[{i}]")
        for i, (arg, item) in enumerate(zip(args, data, strict=True))
    )


def _build_scalar(expected: Any, data: Any, where: str) -> Any:
    if expected is Any:
        return data
    if expected is float:
        number = _as_float(data)
        _require(math.isfinite(number), "a finite number", data, where)
        return number
    fits = isinstance(data, expected) and (expected is bool or not isinstance(data, bool))
    _require(fits, f"of type {expected.__name__}", data, where)
    return data


def _as_float(data: Any) -> float:
    """Return a JSON number as a float; NaN for anything else and for what no float can hold."""
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        return math.nan
    try:
        return float(data)
    except OverflowError:
        return math.nan


def _require(condition: bool, what: str, data: Any, where: str) -> None:
    if not condition:
        # A list or an object may be huge or deep: its kind says enough.
        whole = f"a {type(data).__name__}" if isinstance(data, (list, dict)) else repr(data)
        raise ValueError(f"{where} must be {what}, got {whole[:_SHOWN_CHARS]}")


def _shortened(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[: chars - 1]}…"
