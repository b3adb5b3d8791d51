"""Labelled photos, copied into the class folders of a project, on the person's word; never over another."""

import errno
import hashlib
import os
import secrets
import shutil
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.errors import BadInput, DiskProblem

_MAX_LABEL: Final = 200
_MAX_NAME_BYTES: Final = 255
# What file systems without links answer: FAT, network shares, those in user space.
_NO_LINKS: Final = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
)
_RESERVED: Final = frozenset({"train", "val", "valid", "validation", "test", "_unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What came of copying."""

    copied: int
    there_already: int
    gone: int


def class_folder(data: Path, label: str) -> Path:
    """Return where images of a class are to go: below `train` where the folder has splits.

    Raises:
        BadInput: no folder can have such a name.
    """
    name = unicodedata.normalize("NFC", label).strip()
    bad = not name or name.startswith((".", "_")) or any(c in '/\\:*?"<>|\0' for c in name)
    if bad or len(name.encode()) > _MAX_LABEL or not name.isprintable() or name.endswith("."):
        raise BadInput(f"no folder can be called {label[:80]!r}; give another name")
    train = data / "train"
    parent = train if train.is_dir() and not _holds_files(train) else data
    if parent == data and name.casefold() in _RESERVED:
        raise BadInput(f"{label!r} is the name of a split; give the class another")
    return _as_it_is_there(parent, name)


def _as_it_is_there(parent: Path, name: str) -> Path:
    """Return the folder of a name, also one whose letters a Mac has written in parts (NFD).

    A second folder for the same class would stop a training.
    """
    if not name.isascii() and not (parent / name).exists():
        with suppress(OSError):
            for other in os.listdir(parent):
                if unicodedata.normalize("NFC", other) == name:
                    return parent / other
    return parent / name


def copy_into(data: Path, files: list[tuple[Path, str, str]]) -> Copied:
    """Copy files, each (path, sha256, label), into the class folders.

    Raises:
        BadInput: a label that no folder can have; then nothing is copied.
        DiskProblem: the folder cannot be written; what was copied stays.
    """
    labels = dict.fromkeys(label for _, _, label in files)
    folders = {label: class_folder(data, label) for label in labels}
    copied = there = gone = 0
    for path, sha256, label in files:
        folder = folders[label]
        try:
            target = _free_place(folder, path.name, sha256)
            if target is None:
                there += 1
                continue
            _copy(path, target)
            copied += 1
        except FileNotFoundError:
            gone += 1
        except OSError as err:
            raise DiskProblem(
                f"{path.name!r} could not be copied into {str(folder)!r}: {err.strerror}; {copied} were"
            ) from err
    return Copied(copied=copied, there_already=there, gone=gone)


def _free_place(folder: Path, name: str, sha256: str) -> Path | None:
    """Return a path of its own; None where the same content lies there under the name."""
    for candidate in (name, _prefixed(sha256[:12], name)):
        target = folder / candidate
        if not target.exists():
            return target
        with suppress(OSError):
            if hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
                return None
    return folder / _prefixed(sha256, name)


def _prefixed(prefix: str, name: str) -> str:
    """Return a name with a prefix, shortened before its suffix to what file systems take."""
    stem, suffix = os.path.splitext(name)
    left = _MAX_NAME_BYTES - len(os.fsencode(f"{prefix}-{suffix}"))
    return f"{prefix}-{os.fsencode(stem)[:left].decode(errors='ignore')}{suffix}"


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise FileNotFoundError(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".copying-{secrets.token_hex(8)}")
    try:
        shutil.copyfile(source, temporary)
        _put(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _put(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)  # never over another file
    except FileExistsError:
        return
    except OSError as err:
        if err.errno not in _NO_LINKS:
            raise
        os.rename(temporary, target)


def _holds_files(folder: Path) -> bool:
    with suppress(OSError):
        return any(entry.is_file() for entry in folder.iterdir() if entry.name[:1] != ".")
    return False
