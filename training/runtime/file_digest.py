"""What a file holds, as one short text."""

import hashlib
from pathlib import Path


def file_sha256(file: Path) -> str:
    """Return the hex sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
