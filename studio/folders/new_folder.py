"""A new folder for a data set, in a folder that may be chosen."""

import unicodedata
from pathlib import Path

from studio.errors import BadInput, DiskProblem


def make_folder(parent: Path, name: str) -> Path:
    """Make a folder and return it.

    Raises:
        BadInput: the name is not one of a folder, or taken.
        DiskProblem: the parent cannot be written.
    """
    plain = unicodedata.normalize("NFC", name).strip()
    bad = not plain or plain.startswith(".") or any(c in '/\\:*?"<>|\0' for c in plain)
    if bad or not plain.isprintable() or len(plain.encode()) > 200:
        raise BadInput(f"no folder can be called {name[:80]!r}; give another name")
    folder = parent / plain
    try:
        folder.mkdir()
    except FileExistsError as err:
        raise BadInput(
            f"{str(folder)!r} is there already; choose it, or give another name"
        ) from err
    except OSError as err:
        raise DiskProblem(f"{str(folder)!r} cannot be made: {err.strerror}") from err
    return folder
