"""Archives given as the data: as telephones, Windows and strangers make them."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from benchmarks.folders.making import FolderCase, image

CATS: Final = {"cat": 3, "dog": 3}


def _photos(prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}{label}/{n}.png": image() for label in CATS for n in range(3)}


def _zip(files: Mapping[str, bytes], root: Path) -> Path:
    with zipfile.ZipFile(root / "photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return root / "photos.zip"


def _tar(files: Mapping[str, bytes], root: Path, *, link: str | None = None) -> Path:
    with tarfile.open(root / "photos.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link is not None:
            info = tarfile.TarInfo("cat/link.png")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return root / "photos.tar.gz"


class _Unmarked(zipfile.ZipInfo):
    """An entry whose name is in an old encoding, and not marked as UTF-8."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  # of zipfile
        return self.filename.encode("cp437"), self.flag_bits & ~0x800


def _korean_zip(root: Path) -> Path:
    """Write names as Korean Windows does: CP949, not marked as anything."""
    with zipfile.ZipFile(root / "photos.zip", "w") as archive:
        for label in ("고양이", "강아지"):
            for number in range(3):
                name = f"{label}/{number}.png".encode("cp949").decode("cp437")
                archive.writestr(_Unmarked(name), image())
    return root / "photos.zip"


def _bomb(root: Path) -> Path:
    """A tar whose one file claims more than any disk has."""
    info = tarfile.TarInfo("cat/a.png")
    info.size = 2**50
    (root / "photos.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    return root / "photos.tar"


def _cut(root: Path) -> Path:
    path = _zip(_photos(), root)
    path.write_bytes(path.read_bytes()[:300])
    return path


def _seven_zip(root: Path) -> Path:
    (root / "photos.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(60))
    return root / "photos.7z"


def _case(
    name: str,
    make: Callable[[Path], Path],
    classes: Mapping[str, int] | None,
    *,
    findings: str = "",
    words: tuple[str, ...] = (),
) -> FolderCase:
    return FolderCase(
        kind="archives",
        name=name,
        make=make,
        classes=classes,
        findings=frozenset(findings.split()),
        words=words,
    )


CASES: Final = [
    _case("a zip", lambda root: _zip(_photos(), root), CATS),
    _case("a zip with a folder around all", lambda root: _zip(_photos("photos/"), root), CATS),
    _case(
        "a zip of a Mac",
        lambda root: _zip(_photos() | _photos("__MACOSX/") | {"cat/.DS_Store": b"x"}, root),
        CATS,
        findings="clutter",
    ),
    _case("a zip of Korean Windows", _korean_zip, {"고양이": 3, "강아지": 3}),
    _case("a tar", lambda root: _tar(_photos("./"), root), CATS),
    _case(
        "a tar with a link out of it",
        lambda root: _tar(_photos(), root, link="/etc/passwd"),
        CATS,
        findings="archive_skipped",
    ),
    _case(
        "a zip that climbs out",
        lambda root: _zip(_photos() | {"../../evil.png": image()}, root),
        CATS,
        findings="archive_skipped",
    ),
    _case("a bomb", _bomb, None, words=("unpacks to over",)),
    _case("half a zip", _cut, None, words=("photos.zip",)),
    _case("a 7-Zip archive", _seven_zip, None, words=("7-Zip archive", "unpack it first")),
]
