"""A version appears in the models folder whole or not at all, also where its writer is killed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from inference.errors import PackageError
from inference.names import MAX_VERSION, check_model_name, parse_version
from inference.readable import share_reading
from inference.temporary_folder import temporary_folder

_TEMPORARY_PREFIX: Final = ".publishing-"
_PUBLISH_ATTEMPTS: Final = 20


def publish_package(models_dir: Path, name: str, write: Callable[[Path, int], None]) -> Path:
    """Publish the next version of `name`: a reader sees all of it or nothing.

    `write(folder, version)` fills a temporary sibling folder, which is fsynced and renamed into
    place. Where another publisher took the version meanwhile, `write` is called again with the next.

    Returns:
        The published folder.

    Raises:
        InvalidName: `name` is not allowed.
        PackageError: the folder cannot be written.
    """
    parent = models_dir / check_model_name(name)
    try:
        _make_folder(parent)
    except OSError as err:
        raise _unwritable(models_dir, err) from err
    for _ in range(_PUBLISH_ATTEMPTS):
        version = next_version(parent)
        try:
            with temporary_folder(parent, _TEMPORARY_PREFIX) as temporary:
                write(temporary, version)
                share_reading(temporary)
                _fsync_tree(temporary)
                if _rename_new(temporary, parent / str(version)):
                    _fsync(parent)
                    return parent / str(version)
        except OSError as err:
            raise _unwritable(models_dir, err) from err
    raise PackageError(f"other publishers took every version of {name!r}; try again")


def next_version(parent: Path) -> int:
    """Return one more than the highest version folder in `parent` (1 where there is none).

    Raises:
        PackageError: that one is the highest there can be.
    """
    highest = max((parse_version(entry.name) or 0 for entry in parent.iterdir()), default=0)
    if highest >= MAX_VERSION:
        raise PackageError(
            f"{parent.name}/{highest} is the highest version there can be; rename that folder, "
            "or publish under another name"
        )
    return highest + 1


def _make_folder(parent: Path) -> None:
    """Make a model's folder, to be read by whoever may read the repository."""
    if not parent.is_dir():
        parent.mkdir(parents=True, exist_ok=True)
        share_reading(parent)


def _rename_new(source: Path, target: Path) -> bool:
    try:
        os.rename(source, target)
    except OSError:
        if target.exists():
            return False
        raise
    return True


def _unwritable(models_dir: Path, err: OSError) -> PackageError:
    reason = err.strerror or type(err).__name__
    return PackageError(
        f"cannot write to models folder {str(models_dir)!r}: {reason}; choose another with --models-dir"
    )


def _fsync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for file in files:
            _fsync(Path(root, file))
        _fsync(Path(root))


def _fsync(path: Path) -> None:
    if os.name == "nt":  # Windows opens no folders, and needs a writable handle for files
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
