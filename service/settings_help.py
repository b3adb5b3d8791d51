"""Every setting with what it may be set to, its default and its meaning, for `python -m service --help`."""

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from service.settings import ENV_PREFIX, Settings

_WIDTH: Final = 100
_FORMS: Final = {int: "N", float: "N", Path: "FOLDER"}


def settings_help() -> str:
    """Return a paragraph for each setting: variable, values and default, and below it what it is."""
    return "\n".join(_paragraph(name, field) for name, field in Settings.model_fields.items())


def _paragraph(name: str, field: FieldInfo) -> str:
    variable = f"{ENV_PREFIX}{name.upper()}"
    shown = (
        f"  {variable}={_form(field.annotation)}{_range(field.metadata)}{_default(field.default)}"
    )
    indent = " " * 6
    said = textwrap.fill(
        field.description or "", _WIDTH, initial_indent=indent, subsequent_indent=indent
    )
    return f"{shown}\n{said}"


def _form(kind: Any) -> str:
    if kind is bool:
        return "0|1"
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    inner = [part for part in get_args(kind) if part in _FORMS]  # N of `int | None`
    return _FORMS.get(inner[0] if inner else kind, "TEXT")


def _range(metadata: Iterable[Any]) -> str:
    bounds = dict(_bounds(metadata))
    if "ge" in bounds and "le" in bounds:
        return f"  {bounds['ge']:g} to {bounds['le']}"
    if "ge" in bounds:
        return f"  {bounds['ge']:g} or more"
    return "  above 0" if "gt" in bounds else ""


def _bounds(metadata: Iterable[Any]) -> Iterator[tuple[str, float]]:
    for limit in metadata:
        for name in ("ge", "gt", "le"):
            if (bound := getattr(limit, name, None)) is not None:
                yield name, bound


def _default(default: object) -> str:
    if default in (None, (), ""):
        return ""
    if isinstance(default, bool):
        return f"  [{default:d}]"
    return f"  [{default:g}]" if isinstance(default, float) else f"  [{default}]"
