"""Names for versions: `models/<name>/aliases.json`, `{"stable": 3, "candidate": 4}`."""

from pathlib import Path
from typing import Final

from inference.errors import ModelNotFound, PackageError
from inference.repository_file import changing, read_repository_file, write_repository_file

ALIASES_FILE: Final = "aliases.json"


def read_aliases(model_folder: Path) -> dict[str, int]:
    """Return the aliases that are set.

    Raises:
        PackageError: the file is damaged or cannot be read.
    """
    data = read_repository_file(model_folder / ALIASES_FILE)
    if data is None:
        return {}
    if not isinstance(data, dict) or not all(type(version) is int for version in data.values()):
        raise PackageError(
            f"{ALIASES_FILE} of {model_folder.name!r} must map names to version numbers"
        )
    return data


def set_alias(model_folder: Path, alias: str, version: int) -> dict[str, int]:
    """Point an alias at a version; return all aliases. What others set at the same time stays.

    Raises:
        PackageError: the file is damaged, or the repository cannot be written.
    """
    file = model_folder / ALIASES_FILE
    with changing(file):
        aliases = {**read_aliases(model_folder), alias: version}
        write_repository_file(file, aliases)
    return aliases


def remove_alias(model_folder: Path, alias: str) -> dict[str, int]:
    """Remove an alias; return those that are left.

    Raises:
        ModelNotFound: it is not set.
        PackageError: the file is damaged, or the repository cannot be written.
    """
    file = model_folder / ALIASES_FILE
    with changing(file):
        aliases = read_aliases(model_folder)
        if alias not in aliases:
            there = ", ".join(sorted(aliases)) or "none"
            raise ModelNotFound(
                f"model {model_folder.name!r} has no alias {alias[:80]!r}; it has {there}"
            )
        del aliases[alias]
        write_repository_file(file, aliases)
    return aliases
