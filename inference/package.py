"""A model package on disk, opened: its manifest, and its model files."""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.checksum import read_verified, verified_size
from inference.errors import InvalidManifest, PackageError
from inference.files import read_regular_file, why_unreadable
from inference.manifest import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    FileEntry,
    Manifest,
    Precision,
    parse_manifest,
)
from inference.names import is_model_name, parse_version
from inference.precision import any_of

GOLDEN_FOLDER: Final = "golden"
EXPECTED_FILE: Final = "expected.json"


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
        return read_verified(self.path, self._entry(precision))

    def model_size(self, precision: Precision) -> int:
        """Return the bytes of the model file of one precision, which is not read.

        Raises:
            PackageError: the package has no such precision, or the file is missing, no file, or a link
                out of it.
            DigestMismatch: the file has another size than the one that was published.
        """
        return verified_size(self.path, self._entry(precision))

    def _entry(self, precision: Precision) -> FileEntry:
        files = self.manifest.files or {}
        if precision not in files:
            left_out = (self.manifest.precisions_left_out or {}).get(precision)
            why = (
                f"train with --precisions {','.join([*files, precision])}"
                if left_out is None
                else f"training left {precision} out: {left_out}"
            )
            raise PackageError(f"it has no {precision}; ask for {any_of(files)} ({why})")
        return files[precision]


def read_package(path: Path) -> Package:
    """Read the manifest of the package in folder `path`.

    In a folder NAME/VERSION the package has that name and version, whatever it was published under: it
    may be copied and renamed.

    Raises:
        InvalidManifest: there is none, or it cannot be read.
        PackageError: it is no file, too large, or a link out of the package.
    """
    try:
        text = read_regular_file(path, MANIFEST_FILE, max_bytes=MAX_MANIFEST_BYTES).decode("utf-8")
    except OSError as err:
        raise InvalidManifest(f"{MANIFEST_FILE} {why_unreadable(err)}") from err
    except UnicodeDecodeError as err:
        raise InvalidManifest(f"{MANIFEST_FILE} is not UTF-8 text") from err
    manifest = parse_manifest(text)
    if not manifest.files or "fp32" not in manifest.files:
        raise InvalidManifest("manifest lists no fp32 model; publish the model again")
    return Package(path=path, manifest=_named_by_folder(manifest, path))


def _named_by_folder(manifest: Manifest, path: Path) -> Manifest:
    folder = Path(os.path.abspath(path))  # not resolved: a link may be what names it
    version = parse_version(folder.name)
    if version is None or not is_model_name(folder.parent.name):
        return manifest
    return dataclasses.replace(manifest, name=folder.parent.name, version=version)
