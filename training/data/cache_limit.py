"""How large the cache of pixels may become: a number of GiB in a file beside it, or the usual one."""

import math
from pathlib import Path
from typing import Final

from training.errors import ConfigError

DEFAULT_LIMIT_BYTES: Final = 20 * 2**30
_FILE: Final = "pixels-limit-gib"


def cache_limit_bytes(folder: Path) -> int:
    """Return the limit of the cache in a folder; a file that cannot be read sets none."""
    try:
        limit_gib = float((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return DEFAULT_LIMIT_BYTES
    return int(limit_gib * 2**30) if 0 < limit_gib < math.inf else DEFAULT_LIMIT_BYTES


def set_cache_limit(folder: Path, limit_gib: float) -> None:
    """Set the limit; it holds from the next run on.

    Raises:
        ConfigError: it is no size, or the folder cannot be written.
    """
    if not 0 < limit_gib < math.inf:
        raise ConfigError(f"a limit of {limit_gib:g} GiB is no size; give a number above 0")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_text(f"{limit_gib:g}\n", encoding="utf-8")
    except OSError as err:
        raise ConfigError(
            f"cache folder {str(folder)!r} cannot be written: {err.strerror or err}; name another with "
            "--cache-dir"
        ) from err
