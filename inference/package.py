"""A model package on disk, opened: its manifest, and its model files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.checksum import read_verified, verified_size
from inference.errors import InvalidManifest, PackageError
from inference.files import read_regular_file
from inference.manifest import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    FileEntry,
    Manifest,
    Precision,
    parse_manifest,
)

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
            raise PackageError(f"package has no {precision} model; it has {sorted(files)}")
        return files[precision]


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
