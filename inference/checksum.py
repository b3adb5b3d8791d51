"""A model file is used only if it is the one that was published: the manifest's size and SHA-256."""

import hashlib
from pathlib import Path

from inference.errors import DigestMismatch, PackageError
from inference.files import read_regular_file, regular_file_size, why_unreadable
from inference.manifest import FileEntry


def read_verified(folder: Path, entry: FileEntry) -> bytes:
    """Return the content of a file in a package's folder.

    Raises:
        PackageError: as `verified_size`.
        DigestMismatch: it is not the file that was published.
    """
    verified_size(folder, entry)
    try:
        data = read_regular_file(folder, entry.file, max_bytes=entry.bytes)
    except OSError as err:
        raise _unreadable(entry, err) from err
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.sha256:
        raise DigestMismatch(
            f"{entry.file} has sha256 {digest[:12]}…, manifest says {entry.sha256[:12]}…; "
            "the file was changed or damaged, publish again"
        )
    return data


def verified_size(folder: Path, entry: FileEntry) -> int:
    """Return the bytes of a file in a package's folder, which is not read.

    Raises:
        PackageError: it is missing, no file, or a link out of the folder.
        DigestMismatch: it has another size than the file that was published.
    """
    try:
        size = regular_file_size(folder, entry.file)
    except OSError as err:
        raise _unreadable(entry, err) from err
    if size != entry.bytes:
        raise DigestMismatch(
            f"{entry.file} has {size} bytes, manifest says {entry.bytes}; "
            "the file was changed or damaged, publish again"
        )
    return size


def _unreadable(entry: FileEntry, err: OSError) -> PackageError:
    return PackageError(f"{entry.file} {why_unreadable(err)}; publish again")
