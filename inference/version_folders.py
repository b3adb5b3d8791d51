"""What lies in a model repository: which folders are models and versions, and what stands in the way.

One folder that cannot be looked at hides no other.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.files import reason_of
from inference.manifest import MANIFEST_FILE
from inference.names import is_model_name, parse_version
from inference.package import EXPECTED_FILE, GOLDEN_FOLDER, Package

_BAD_MODEL_NAME: Final = (
    "a model's name has 1 to 64 of the characters A-Z a-z 0-9 . _ - and begins with a letter or a digit; "
    "rename it"
)
_NO_VERSION_FOLDER: Final = "it is a package, not a folder of versions; move it into NAME/VERSION"

# No such entry, a file, a link in a circle: what is not there, rather than not readable.
_NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStamp:
    """Changes when a file is written anew; `changed_ns` also when its rights do."""

    modified_ns: int
    inode: int
    size_bytes: int
    changed_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFolder:
    """A folder with a version's number.

    Attributes:
        stamp: of the manifest; None where there is none (yet), or it cannot be looked at.
        problem: why it cannot be looked at.
    """

    number: int
    path: Path
    stamp: FileStamp | None = None
    problem: str | None = None

    @property
    def may_be_package(self) -> bool:
        """Whether there is a manifest, or may be one."""
        return self.stamp is not None or self.problem is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A folder with a model's name: its versions by number, ascending.

    Attributes:
        identity: device and inode, which another volume or folder in its place does not have.
        problem: why it cannot be listed.
        misnamed: folders with a package in them whose name is no version's.
    """

    name: str
    identity: tuple[int, int] | None = None
    versions: tuple[VersionFolder, ...] = ()
    problem: str | None = None
    misnamed: tuple[str, ...] = ()

    @property
    def numbers(self) -> list[int]:
        """The versions that have a manifest, or may have one, ascending."""
        return [version.number for version in self.versions if version.may_be_package]


def list_model(root: Path, name: str) -> ModelFolder | None:
    """Look at one model's folder; None where there is none, or a link out of `root`.

    Raises nothing for what cannot be read: `problem` says it.
    """
    folder = root / name
    try:
        if folder.is_symlink() and not _is_within(folder, root):
            return None
        status = folder.stat()
        versions, misnamed = _list_versions(folder, root)
    except OSError as err:
        gone = err.errno in _NOT_THERE
        return None if gone else ModelFolder(name=name, problem=reason_of(err))
    return ModelFolder(
        name=name,
        identity=(status.st_dev, status.st_ino),
        versions=versions,
        misnamed=misnamed,
    )


def list_models(root: Path) -> Iterator[ModelFolder]:
    """Yield every folder of `root` whose name is allowed, by name.

    Raises:
        OSError: `root` itself is missing or cannot be listed.
    """
    for name in sorted(os.listdir(root)):
        if is_model_name(name) and (model := list_model(root, name)) is not None:
            yield model


def list_ignored(root: Path) -> dict[str, str]:
    """Return the folders of `root` that are no models though a package lies in them, and why.

    Raises:
        OSError: `root` itself is missing or cannot be listed.
    """
    ignored = {}
    for name in sorted(os.listdir(root)):
        if not is_model_name(name):
            model = None if name.startswith(".") else list_model(root, name)
            if model is not None and model.numbers:
                ignored[name] = _BAD_MODEL_NAME
        elif os.path.exists(root / name / MANIFEST_FILE):
            ignored[name] = _NO_VERSION_FOLDER
    return ignored


def why_incomplete(package: Package) -> str | None:
    """Return which file of a package has not (fully) arrived; None where all are there.

    cp, rsync and their like show the manifest before the model.
    """
    for entry in (package.manifest.files or {}).values():
        try:
            status = (package.path / entry.file).stat()
        except FileNotFoundError:
            return f"{entry.file} is not there yet"
        except OSError:
            return None  # reading it will say why
        if stat.S_ISREG(status.st_mode) and status.st_size < entry.bytes:
            return f"{entry.file} has {status.st_size} of {entry.bytes} bytes"
    # No manifest lists it, no model is loaded without it, and rsync sends folders last.
    golden = f"{GOLDEN_FOLDER}/{EXPECTED_FILE}"
    return None if os.path.lexists(package.path / golden) else f"{golden} is not there yet"


def _list_versions(folder: Path, root: Path) -> tuple[tuple[VersionFolder, ...], tuple[str, ...]]:
    versions, misnamed = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue  # one that is being published, a lock
            number = parse_version(entry.name)
            if number is None:
                if _holds_manifest(entry):
                    misnamed.append(entry.name)
            elif not entry.is_symlink() or _is_within(Path(entry.path), root):
                versions += _look_at(number, Path(entry.path))
    return tuple(sorted(versions, key=lambda version: version.number)), tuple(sorted(misnamed))


def _look_at(number: int, path: Path) -> list[VersionFolder]:
    """Return the version in `path`; nothing where that is no folder, or gone."""
    try:
        status = (path / MANIFEST_FILE).stat()
    except OSError as err:
        if err.errno not in _NOT_THERE:
            return [VersionFolder(number=number, path=path, problem=reason_of(err))]
        return [VersionFolder(number=number, path=path)] if os.path.isdir(path) else []
    if not stat.S_ISREG(status.st_mode):
        problem = f"{MANIFEST_FILE} is not a file"
        return [VersionFolder(number=number, path=path, problem=problem)]
    stamp = FileStamp(
        modified_ns=status.st_mtime_ns,
        inode=status.st_ino,
        size_bytes=status.st_size,
        changed_ns=status.st_ctime_ns,
    )
    return [VersionFolder(number=number, path=path, stamp=stamp)]


def _holds_manifest(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir() and os.path.exists(os.path.join(entry.path, MANIFEST_FILE))
    except OSError:
        return False


def _is_within(link: Path, root: Path) -> bool:
    # Not Path.resolve, which raises on a link to itself.
    return Path(os.path.realpath(link)).is_relative_to(os.path.realpath(root))
