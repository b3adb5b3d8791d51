"""Who may read what is published: whoever may read the folder that it is published in."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

_READ: Final = stat.S_IRGRP | stat.S_IROTH
_ENTER: Final = stat.S_IXGRP | stat.S_IXOTH


def share_reading(path: Path) -> None:
    """Let group and others read `path`, and all in it, as far as they may read the folder it is in.

    The umask of who trains (077 is usual where homes are shared) is about private files; a service of
    another user has to read these. No right to write is given.
    """
    allowed = path.parent.stat().st_mode
    folders, files = allowed & (_READ | _ENTER), allowed & _READ
    if not path.is_dir():
        _add_rights(path, files)
        return
    for root, _, names in os.walk(path):
        for name in names:
            _add_rights(Path(root, name), files)
        _add_rights(Path(root), folders)


def _add_rights(path: Path, rights: int) -> None:
    mode = path.stat(follow_symlinks=False).st_mode
    if not stat.S_ISLNK(mode) and mode & rights != rights:
        with suppress(OSError):  # a file system without rights of its own (CIFS, object stores)
            path.chmod(stat.S_IMODE(mode) | rights)
