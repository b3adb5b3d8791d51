"""Which images a published model was made from, by the hashes in its package."""

import hashlib
import json
from pathlib import Path

from inference.errors import PackageError
from inference.package import read_package
from training.data.split import SPLIT_FILE


def training_hashes(package: Path) -> frozenset[str] | None:
    """Return the content hashes of the images that a model was trained or chosen on, test images not.

    Args:
        package: its folder, or a model file: of the package that it lies in, if that has this very file.

    None where the package does not say: it is a model file alone, or its split cannot be read.
    """
    folder = package
    try:
        if package.is_file():
            folder = package.parent
            if not _is_of(package, folder):
                return None
        parts = json.loads((folder / SPLIT_FILE).read_text(encoding="utf-8"))["parts"]
        return frozenset(sha256 for sha256, part in parts.items() if part != "test")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, PackageError):
        return None


def _is_of(model: Path, folder: Path) -> bool:
    """Whether the package's manifest names the file with this content."""
    files = read_package(folder).manifest.files or {}
    with model.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return any(entry.file == model.name and entry.sha256 == sha256 for entry in files.values())
