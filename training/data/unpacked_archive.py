"""A zip or tar archive given as the data: unpacked once into the cache, and no further than that.

What comes from strangers is bounded: nothing is written outside its folder, links and devices are left
alone, and what unpacks to far more than it weighs is refused.
"""

import hashlib
import json
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final

from inference.clutter import is_clutter
from inference.file_kinds import KIND_BYTES, file_kind
from inference.temporary_folder import temporary_folder
from training.data.finding import Finding, counted
from training.data.folder import readable
from training.data.folder_check.skipped_clutter import clutter_finding
from training.data.unused_archives import forget_unused, mark_used
from training.errors import DataError
from training.publish_name import data_title

MAX_FILES: Final = 2_000_000
# Images are compressed already. Plain bitmaps shrink most: a hundred times, if they are drawings.
_MAX_RATIO: Final = 100
_FREE_BYTES: Final = 2**30
_COPY_BYTES: Final = 2**20
_NOTES: Final = "skipped.json"
_TAR_KINDS: Final = frozenset({"tar archive", "gzip archive", "bzip2 archive", "xz archive"})
_READABLE_KINDS: Final = frozenset({"ZIP archive", *_TAR_KINDS})
_DAMAGED: Final = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError),
    *(NotImplementedError, RuntimeError, OSError),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedArchive:
    """The folder that an archive was unpacked to, and what was not unpacked."""

    folder: Path
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A file in an archive. `size` is what the archive says; what it unpacks to may differ."""

    name: str
    size: int
    is_file: bool
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True, slots=True)
class _Limit:
    """How much may be unpacked, and whether it is the disk that sets it."""

    num_bytes: int
    of_disk: bool


@dataclass(slots=True)
class _Skipped:
    """Names that were not unpacked."""

    links: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    clutter: list[str] = field(default_factory=list)


def is_archive(file: Path) -> bool:
    """Whether a file is an archive that can be unpacked.

    Raises:
        DataError: it is an archive of another kind.
    """
    try:
        with file.open("rb") as stream:
            kind = file_kind(stream.read(KIND_BYTES)).name
    except OSError:
        return False
    if kind not in _READABLE_KINDS and "archive" in kind:
        raise DataError(f"{str(file)!r} is a {kind}; unpack it first, or give a zip or tar archive")
    return kind in _READABLE_KINDS


def unpack(archive: Path, cache_dir: Path) -> UnpackedArchive:
    """Return the archive's content as a folder in the cache; a second time nothing is unpacked.

    Raises:
        DataError: it is damaged, encrypted or too large, or the cache cannot be written.
    """
    status = archive.stat()
    key = f"{archive.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"
    place = (
        cache_dir
        / "archives"
        / hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:20]
    )
    folder = place / (data_title(archive) or "data")
    if not place.is_dir():
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            forget_unused(place.parent)
            _unpack_into(place, folder.name, archive, status.st_size)
        except OSError as err:
            raise DataError(
                f"archive {str(archive)!r} cannot be unpacked into {str(cache_dir)!r}: "
                f"{err.strerror or err}; give another folder with --cache-dir"
            ) from err
    mark_used(place)
    return UnpackedArchive(folder=folder, findings=_findings(place / _NOTES, archive.name))


def _unpack_into(place: Path, name: str, archive: Path, archive_bytes: int) -> None:
    with temporary_folder(place.parent, ".unpacking-") as temporary:
        (temporary / name).mkdir()
        skipped = _Skipped()
        room = max(shutil.disk_usage(place.parent).free - _FREE_BYTES, 0)
        allowed = archive_bytes * _MAX_RATIO + _FREE_BYTES
        limit = _Limit(min(allowed, room), of_disk=room < allowed)
        with ExitStack() as stack:
            try:
                _write_members(_members(archive, stack), temporary / name, skipped, limit, archive)
            except _DAMAGED as err:
                if isinstance(err, OSError) and err.errno is not None:
                    raise
                problem = str(err).partition("\n")[0].rstrip(":")
                raise DataError(
                    f"archive {str(archive)!r} is damaged, encrypted or no zip or tar ({problem}); "
                    "unpack it by hand and give the folder"
                ) from err
        (temporary / _NOTES).write_text(json.dumps(asdict(skipped)), encoding="utf-8")
        try:
            os.rename(temporary, place)
        except OSError:
            if not place.is_dir():  # else another run was quicker
                raise


def _write_members(
    members: Iterator[_Member], root: Path, skipped: _Skipped, limit: _Limit, archive: Path
) -> None:
    left, number = limit.num_bytes, 0
    for member in members:
        parts = _safe_parts(member.name)
        if parts is None:
            skipped.unsafe.append(member.name)
        elif not member.is_file:
            skipped.links.append(member.name)
        elif clutter := next(filter(is_clutter, parts), None):
            skipped.clutter.append(clutter)
        else:
            number += 1
            if member.size > left or number > MAX_FILES:
                raise _too_large(archive, limit, number)
            left -= _write(member, root.joinpath(*parts), left)
            if left < 0:
                raise _too_large(archive, limit, number)


def _write(member: _Member, target: Path, left: int) -> int:
    """Write no more than a little over `left` bytes; return how many."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with member.open() as source, target.open("wb") as file:
        while written <= left and (chunk := source.read(_COPY_BYTES)):
            file.write(chunk)
            written += len(chunk)
    return written


def _too_large(archive: Path, limit: _Limit, number: int) -> DataError:
    if number <= MAX_FILES and limit.of_disk:
        return DataError(
            f"archive {str(archive)!r} unpacks to more than the {limit.num_bytes:,} bytes that the cache's "
            f"disk has room for, {_FREE_BYTES / 2**30:.0f} GiB being left to other files; make room, or give "
            "another folder with --cache-dir"
        )
    what = f"over {MAX_FILES:,} files" if number > MAX_FILES else f"over {limit.num_bytes:,} bytes"
    return DataError(
        f"archive {str(archive)!r} unpacks to {what}, more than is allowed here; unpack it by hand and "
        "give the folder"
    )


def _safe_parts(name: str) -> tuple[str, ...] | None:
    """Return the parts of a member's path; None where it leads out of its folder, or is none."""
    path = PurePosixPath(name.replace("\\", "/"))
    parts = tuple(part for part in path.parts if part != ".")
    leads_out = path.is_absolute() or ".." in parts or (parts and ":" in parts[0])
    return None if leads_out or not parts or "\0" in name else parts


def _members(archive: Path, stack: ExitStack) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        yield from _zip_members(stack.enter_context(zipfile.ZipFile(archive)))
        return
    with tarfile.open(archive) as tar:
        for info in tar:
            if not info.isdir():
                yield _Member(
                    name=_tar_name(info.name),
                    size=info.size,
                    is_file=info.isreg(),
                    open=lambda info=info: _opened(tar.extractfile(info)),  # type: ignore[misc]
                )


def _opened(file: IO[bytes] | None) -> IO[bytes]:
    assert file is not None  # of a regular file it never is
    return file


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    decode = _zip_names(archive.infolist())
    for info in archive.infolist():
        if not info.is_dir():
            kind = (info.external_attr >> 16) & 0o170000
            yield _Member(
                name=decode(info),
                size=info.file_size,
                is_file=kind in (0, 0o100000),
                open=lambda info=info: archive.open(info),  # type: ignore[misc]
            )


def _zip_names(infos: list[zipfile.ZipInfo]) -> Callable[[zipfile.ZipInfo], str]:
    """Return how names are to be read: without a mark they are UTF-8, or CP949 as Korean Windows writes."""
    raw = [name for info in infos if (name := _raw_name(info)) is not None]
    for encoding in ("utf-8", "cp949"):
        if all(_decodes(name, encoding) for name in raw):
            return lambda info: _decoded(info, encoding)
    return lambda info: info.filename


def _decoded(info: zipfile.ZipInfo, encoding: str) -> str:
    raw = _raw_name(info)
    return info.filename if raw is None else raw.decode(encoding)


def _raw_name(info: zipfile.ZipInfo) -> bytes | None:
    """Return the bytes of a name that is not marked as UTF-8: zipfile takes those for CP437."""
    try:
        return None if info.flag_bits & 0x800 else info.filename.encode("cp437")
    except UnicodeEncodeError:
        return None


def _decodes(name: bytes, encoding: str) -> bool:
    try:
        name.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _tar_name(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape")
        return raw.decode("cp949") if _decodes(raw, "cp949") else name
    return name


def _findings(notes: Path, archive: str) -> tuple[Finding, ...]:
    try:
        skipped = json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    found = []
    for kind, what in (("links", "links or devices"), ("unsafe", "paths that lead out of it")):
        if names := skipped[kind]:
            found.append(
                Finding(
                    kind="archive_skipped",
                    severity="warning",
                    message=f"{counted(len(names), 'entry', 'entries')} of {archive} not unpacked: {what}",
                    count=len(names),
                    example=readable(names[0]),
                    next_step="unpack it by hand and give the folder if they are wanted",
                )
            )
    return (*found, *clutter_finding(skipped.get("clutter", ()), counted_as="file"))
