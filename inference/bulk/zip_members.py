"""The images in a zip archive, read where they are: nothing is unpacked to disk.

Of strangers' archives no more is unpacked at a time than one image may have, and the directory of names is
looked at only where it fits.
"""

import struct
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from inference.bulk.items import Item, Source
from inference.clutter import is_clutter
from inference.decoding import OWN_FILES_LIMITS
from inference.errors import UndecodableImage, UsageError
from inference.file_kinds import KIND_BYTES, UNKNOWN, FileKind, file_kind
from inference.folder_tree import has_image_suffix

# Python holds ten times as much: an archive of two million photos has some 200 MB.
_MAX_DIRECTORY_BYTES: Final = 300 * 10**6
# Others unpack without a bound on what one step gives.
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1
# The record at the archive's end, and that of large ones; where in them the directory's length is.
_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x06"
_END_BYTES: Final = 2**16 + 22 + 20 + 56
_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
    UnicodeDecodeError,  # the name before the member, which the archive's directory has as well
)


def zip_source(archive: Path, name: str, unread: Counter[FileKind]) -> Source:
    """Return the images of an archive, in its own order; a row is called ARCHIVE/MEMBER.

    Other members are counted in `unread` when they are met.

    Raises:
        UsageError: it is damaged, or lists too many files.
        OSError: it cannot be read.
    """
    members = _Members(archive)
    return Source(items=lambda: members.items(name, unread), count=members.count)


class _Members:
    """An open archive. Its members may be read from several threads."""

    def __init__(self, archive: Path) -> None:
        self._lock = threading.Lock()
        self._zip = _open(archive)

    def items(self, archive: str, unread: Counter[FileKind]) -> Iterator[Item]:
        for info in self._images(unread):
            yield Item(name=f"{archive}/{info.filename}", read=partial(self._read, info))

    def count(self) -> int:
        return sum(1 for _ in self._images(Counter()))

    def _images(self, unread: Counter[FileKind]) -> Iterator[zipfile.ZipInfo]:
        for info in self._zip.infolist():
            parts = info.filename.replace("\\", "/").split("/")
            if info.is_dir() or any(is_clutter(part) for part in parts if part not in (".", "..")):
                continue
            if has_image_suffix(info.filename) or (kind := self._kind(info)).is_read:
                yield info
            else:
                unread[kind] += 1

    def _kind(self, info: zipfile.ZipInfo) -> FileKind:
        try:
            return file_kind(self._read(info, KIND_BYTES))
        except (UndecodableImage, OSError):
            return UNKNOWN

    def _read(self, info: zipfile.ZipInfo, size: int = OWN_FILES_LIMITS.max_bytes + 1) -> bytes:
        """Return the first bytes of a member.

        Raises:
            UndecodableImage: it is encrypted, damaged or compressed in another way than most are.
        """
        if info.flag_bits & _ENCRYPTED:
            raise UndecodableImage("encrypted in the archive; unpack it with its password")
        if info.compress_type not in _METHODS:
            raise UndecodableImage("compressed in the archive by a rare method; unpack it first")
        try:
            with self._lock, self._zip.open(info) as member:
                return member.read(size)
        except _DAMAGED as err:
            raise UndecodableImage("damaged in the archive; replace it with a sound copy") from err


def _open(archive: Path) -> zipfile.ZipFile:
    if _directory_bytes(archive) > _MAX_DIRECTORY_BYTES:
        raise UsageError(
            f"archive {str(archive)!r} lists more files than can be held; unpack it and give the folder"
        )
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as err:
        raise UsageError(
            f"archive {str(archive)!r} is damaged; unpack what can be unpacked and give the folder"
        ) from err


def _directory_bytes(archive: Path) -> int:
    """Return how long an archive says that its directory is; 0 where it does not say."""
    with archive.open("rb") as file:
        file.seek(max(file.seek(0, 2) - _END_BYTES, 0))
        tail = file.read()
    length = _number_after(tail, _END, "<I", 12)
    return _number_after(tail, _END_64, "<Q", 40) if length == 0xFFFFFFFF else length


def _number_after(data: bytes, mark: bytes, form: str, offset: int) -> int:
    at = data.rfind(mark)
    if at < 0 or at + offset + struct.calcsize(form) > len(data):
        return 0
    return int(struct.unpack_from(form, data, at + offset)[0])
