"""Two runs of one name at one time: each has a checkpoint of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from training.errors import ConfigError

_SLOTS: Final = ("", "-b", "-c", "-d")


@contextmanager
def run_slot(folder: Path, name: str) -> Iterator[str]:
    """Yield the name under which a run may be saved, its own until the block ends.

    It is `name` unless another run has it; then one of a few others, those first where a run was stopped. A
    lock, which ends with its process however that ends, tells.

    Raises:
        ConfigError: as many runs as there are names are under way, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stopped = [slot for slot in _SLOTS if (folder / f"{name}{slot}.pt").exists()]
        rest = [slot for slot in _SLOTS if slot not in stopped]
        for slot in (*stopped, *rest):
            with ExitStack() as stack:
                if stack.enter_context(_locked(folder / f"{name}{slot}.lock")):
                    held = stack.pop_all()
                    break
        else:
            raise ConfigError(
                f"{len(_SLOTS)} runs of this name into this models folder are under way; wait for one, or "
                "give another --name"
            )
    except OSError as err:
        reason = err.strerror or type(err).__name__
        raise ConfigError(
            f"folder {str(folder)!r} cannot be used: {reason}; make room, or choose another with --cache-dir"
        ) from err
    with held:
        yield f"{name}{slot}"


@contextmanager
def _locked(file: Path) -> Iterator[bool]:
    """Hold a lock for a block; yields False where another process holds it."""
    if sys.platform == "win32":  # there, runs of one name at one time are not told apart
        yield True
        return
    import fcntl

    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
