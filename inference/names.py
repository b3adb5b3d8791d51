"""What a model, a version and an alias may be called. No name can leave the repository.

A version may also be a date with a time (20261231235959): up to 15 digits are numbers that JSON keeps
exact in every reader.
"""

import re
from typing import Final

from inference.errors import InvalidName

LATEST: Final = "latest"
STABLE: Final = "stable"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MAX_VERSION: Final = 10**15 - 1
_VERSION: Final = re.compile(r"[1-9][0-9]{0,14}")


def check_model_name(name: str) -> str:
    """Return `name`.

    Raises:
        InvalidName: it is not `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
    """
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"model name {name[:80]!r} is not allowed; use 1 to 64 of the characters "
            "A-Z a-z 0-9 . _ - and begin with a letter or a digit"
        )
    return name


def is_model_name(name: str) -> bool:
    """Return whether a model may be called so."""
    return _NAME.fullmatch(name) is not None


def check_alias(alias: str) -> str:
    """Return `alias`.

    Raises:
        InvalidName: it is not a name, could be read as a version, or is the implied "latest".
    """
    if not _NAME.fullmatch(alias) or alias.isdigit() or alias == LATEST:
        raise InvalidName(
            f"alias {alias[:80]!r} is not allowed; use 1 to 64 of the characters "
            f"A-Z a-z 0-9 . _ -, not only digits, and not {LATEST!r}"
        )
    return alias


def parse_version(text: str) -> int | None:
    """Return the version that `text` spells (1 to `MAX_VERSION`, no leading zeros), or None."""
    return int(text) if _VERSION.fullmatch(text) else None
