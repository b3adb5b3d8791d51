"""A sentence in place of a stack trace where the packages that training needs are not installed."""

import sys
from importlib.util import find_spec
from typing import Final

# What every command of training needs, and nothing of the service does.
_NEEDED: Final = ("rich", "scipy", "sklearn")


def check_installed() -> None:
    """Refuse to go on without the packages of the extra `train`.

    Raises:
        ImportError: some are missing. As `python -m training.…`: exit code 2, and the sentence alone.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if not missing:
        return
    message = (
        f"training needs packages that are not installed ({', '.join(missing)}); install the extra 'train': "
        "pip install '.[train]' in Graft's folder, or make setup there"
    )
    if sys.argv[0] == "-m":  # runpy is looking for a command of this package
        sys.stderr.write(f"error: {message}\n")
        raise SystemExit(2)
    raise ImportError(message, name="training")
