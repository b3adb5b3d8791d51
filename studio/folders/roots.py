"""The folders below which the person may choose."""

import os
from collections.abc import Sequence
from pathlib import Path

from studio.errors import BadInput, NotAllowed, NotFound


def allowed_folder(text: str, roots: Sequence[Path]) -> Path:
    """Return the real path of a folder below one of the roots.

    Raises:
        BadInput: it is no path.
        NotAllowed: it lies elsewhere, links followed.
        NotFound: it is no folder, or may not be read.
    """
    if "\0" in text or not text:
        raise BadInput("a folder's path is needed")
    try:
        return _below(text, roots)
    except (RuntimeError, OSError, ValueError) as err:  # nobody's home, too long, no text
        why = getattr(err, "strerror", None) or err
        raise BadInput(f"{text[:80]!r} cannot be used as a folder: {why}; choose another") from err


def _below(text: str, roots: Sequence[Path]) -> Path:
    real = Path(os.path.realpath(Path(text).expanduser()))
    if not any(real == root or root in real.parents for root in roots):
        raise NotAllowed(
            f"the folder {text!r} is outside the folders of this studio; start it with "
            "python -m studio FOLDER, or with --root"
        )
    if not real.is_dir():
        raise NotFound(f"there is no folder {text!r}")
    if not os.access(real, os.R_OK | os.X_OK):
        raise NotAllowed(f"the folder {text!r} may not be read; change its permissions")
    return real
