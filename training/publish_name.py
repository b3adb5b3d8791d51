"""The name that a model is published under, where nobody gave one: that of the data folder.

A model's name is part of paths and addresses, and ASCII. A folder's name that is not gets a readable
spelling in ASCII and a few digits of its hash, so that it is the same every time and no other folder's:
`사진` becomes `sajin-d1e1a5`.
"""

import hashlib
import re
import unicodedata
from pathlib import Path
from typing import Final

from anyascii import anyascii

_ARCHIVE: Final = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$", re.IGNORECASE)
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_LENGTH: Final = 64
_HASH_DIGITS: Final = 6
_UNNAMED: Final = "model"


def data_title(data: Path) -> str:
    """Return what a person calls a data folder, or an archive: its name without an archive's suffix."""
    name = unicodedata.normalize("NFC", data.resolve().name)
    plain = _ARCHIVE.sub("", name)
    return plain if plain and data.is_file() else name


def derive_name(title: str) -> str:
    """Return an allowed name of a model for a title, always the same one."""
    if title.isascii():
        return _allowed(title) or _UNNAMED
    spelled = _allowed(anyascii(title)).strip("._-").lower() or _UNNAMED
    digits = hashlib.sha256(title.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_DIGITS]
    return f"{spelled[: _MAX_LENGTH - _HASH_DIGITS - 1]}-{digits}"


def _allowed(text: str) -> str:
    return _NOT_ALLOWED.sub("-", text).lstrip("._-")[:_MAX_LENGTH]
