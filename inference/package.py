"""One model package on disk: read it, verify it, publish it whole or not at all."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.errors import DigestMismatch, InvalidManifest, PackageError
from inference.files import read_regular_file, regular_file_size
from inference.manifest import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    FileEntry,
    Manifest,
    Precision,
    parse_manifest,
)
from inference.names import MAX_VERSION, check_model_name, parse_version
from inference.readable import share_reading
from inference.temporary_folder import temporary_folder

GOLDEN_FOLDER: Final = "golden"
EXPECTED_FILE: Final = "expected.json"

_TEMPORARY_PREFIX: Final = ".publishing-"
_PUBLISH_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A published version: its folder and its manifest."""

    path: Path
    manifest: Manifest

    def model_bytes(self, precision: Precision) -> bytes:
        """Return the model file of one precision, verified.

        Raises:
            PackageError: as `model_size`.
            DigestMismatch: the file is not the one that was published.
        """
        self.model_size(precision)
        entry = self._entry(precision)
        try:
            data = read_regular_file(self.path, entry.file, max_bytes=entry.bytes)
        except OSError as err:
            raise _missing(entry) from err
        digest = hashlib.sha256(data).hexdigest()
        if digest != entry.sha256:
            raise DigestMismatch(
                f"{entry.file} has sha256 {digest[:12]}…, manifest says {entry.sha256[:12]}…; "
                "the file was changed or damaged, publish again"
            )
        return data

    def model_size(self, precision: Precision) -> int:
        """Return the bytes of the model file of one precision, which is not read.

        Raises:
            PackageError: the package has no such precision, or the file is missing, no file, or a link
                out of it.
            DigestMismatch: the file has another size than the one that was published.
        """
        entry = self._entry(precision)
        try:
            size = regular_file_size(self.path, entry.file)
        except OSError as err:
            raise _missing(entry) from err
        if size != entry.bytes:
            raise DigestMismatch(
                f"{entry.file} has {size} bytes, manifest says {entry.bytes}; "
                "the file was changed or damaged, publish again"
            )
        return size

    def _entry(self, precision: Precision) -> FileEntry:
        files = self.manifest.files or {}
        if precision not in files:
            raise PackageError(f"package has no {precision} model; it has {sorted(files)}")
        return files[precision]


def _missing(entry: FileEntry) -> PackageError:
    return PackageError(f"{entry.file} is missing or unreadable; publish again")


def read_package(path: Path) -> Package:
    """Read the manifest of the package in folder `path`.

    Raises:
        InvalidManifest: there is none, or it cannot be read.
        PackageError: it is no file, too large, or a link out of the package.
    """
    try:
        text = read_regular_file(path, MANIFEST_FILE, max_bytes=MAX_MANIFEST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidManifest(f"no readable {MANIFEST_FILE} in package {path.name!r}") from err
    manifest = parse_manifest(text)
    if not manifest.files or "fp32" not in manifest.files:
        raise InvalidManifest("manifest lists no fp32 model; publish the model again")
    return Package(path=path, manifest=manifest)


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
            f"{parent.name}/{highest} is the highest version there can be; rename that folder "
            "(and the version in its manifest), or publish under another name"
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
