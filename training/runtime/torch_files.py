"""Files of `torch.save`, looked at before torch reads them: a zip archive of uncompressed records."""

import zipfile
import zlib
from pathlib import Path
from typing import Final

# What `zipfile` raises at damage, beside BadZipFile: flags and versions that are none, ends before the end.
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    EOFError,
    ValueError,
    KeyError,
)


def takes_more_than_its_size(file: Path) -> bool:
    """Return whether reading an archive takes more memory than it has bytes.

    torch neither compresses records nor lets them share bytes; both make gigabytes out of megabytes. What
    is no archive of tensors is left to torch.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            records = archive.infolist()
    except _DAMAGE:
        return False
    if any(record.filename.endswith("/constants.pkl") for record in records):
        return False  # a TorchScript program: torch tells it by this name, and refuses it unread
    is_compressed = any(record.compress_type != zipfile.ZIP_STORED for record in records)
    return is_compressed or sum(record.file_size for record in records) > file.stat().st_size


def is_whole(file: Path) -> bool:
    """Return whether every record of an archive has the checksum that it was written with.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except _DAMAGE:
        return False
