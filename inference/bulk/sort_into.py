"""Answered images sorted into a folder by label, as copies or hard links; rejected ones apart.

Nothing is ever overwritten, and doing it twice changes nothing: a resumed run answers its last batch again.
"""

import filecmp
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from inference.bulk.items import Item
from inference.bulk.pipeline import Row
from inference.errors import OutputError
from inference.files import reason_of

# What Windows and network drives refuse in names, and what leads elsewhere.
_UNFIT: Final = re.compile(r'[\x00-\x1f<>:"/\\|?*]|^[. ]+|[. ]+$')
_REJECTED: Final = "_rejected"


class LabelFolders:
    """One folder a label below `root`, and `_rejected` for images unlike the training data."""

    def __init__(self, root: Path, labels: Sequence[str], *, link: bool) -> None:
        self._root = root
        self._link = link
        self._names = folder_names([_REJECTED, *labels])

    def put(self, row: Row) -> None:
        """Copy or link the image of a row into its folder; a row with a problem has none.

        Raises:
            OutputError: the folder cannot be written.
        """
        if row.prediction is None:
            return
        label = _REJECTED if row.prediction.rejected else row.prediction.label
        folder = self._root / self._names[label]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._put(row.item, folder)
        except OSError as err:
            raise OutputError(
                f"{row.item.name!r} cannot be put into {str(folder)!r}: {reason_of(err)}; mend it and "
                "add --resume"
            ) from err

    def _put(self, item: Item, folder: Path) -> None:
        temporary = folder / f".{secrets.token_hex(8)}"
        try:
            self._make(item, temporary)
            for target in _targets(item.name, folder):
                if _claim(temporary, target):
                    return
        finally:
            temporary.unlink(missing_ok=True)

    def _make(self, item: Item, temporary: Path) -> None:
        if self._link and item.file is not None:
            with suppress(OSError):  # on another disk, or one without links: copied
                os.link(os.path.realpath(item.file), temporary)
                return
        if item.file is not None:
            shutil.copy2(item.file, temporary)
            return
        content = item.read()
        assert isinstance(content, bytes)  # frames are refused by the command
        temporary.write_bytes(content)


def folder_names(labels: Sequence[str]) -> dict[str, str]:
    """Return a name that every file system takes for each label, no two alike."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for label in dict.fromkeys(labels):
        plain = _UNFIT.sub("_", label) or "_"
        name, number = plain, 2
        while name.casefold() in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(name.casefold())
        names[label] = name
    return names


def _targets(name: str, folder: Path) -> Sequence[Path]:
    """Return where an image may go: under its own name, else with a hash of its whole path."""
    base = Path(_UNFIT.sub("_", name.replace("\\", "/").rpartition("/")[2]) or "_")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return [
        folder / base,
        *(folder / f"{base.stem}-{digest[:length]}{base.suffix}" for length in (8, 64)),
    ]


def _claim(temporary: Path, target: Path) -> bool:
    """Give a finished file its name, where that is free or already means the same image."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return filecmp.cmp(temporary, target, shallow=False)
    except OSError:  # a file system without links
        if target.exists():
            return filecmp.cmp(temporary, target, shallow=False)
        temporary.rename(target)
    return True
