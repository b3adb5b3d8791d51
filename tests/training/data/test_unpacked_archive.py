"""Archives are unpacked once, into the cache, and no further."""

import os
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from tests.small_disk import small_disk
from training.data import unpacked_archive, unused_archives
from training.data.unpacked_archive import unpack
from training.errors import DataError

pytestmark = pytest.mark.training


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    """Write a compressed archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def names(folder: Path) -> list[str]:
    """Return the files below a folder."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_an_archive_is_unpacked_once_and_keeps_its_name(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "photos.zip", {"cat/1.png": b"1", "__MACOSX/cat/1.png": b"2"})
    first = unpack(archive, tmp_path / "cache")
    assert first.folder.name == "photos"
    assert names(first.folder) == ["cat/1.png"]
    (first.folder / "cat" / "1.png").write_bytes(b"kept")
    assert unpack(archive, tmp_path / "cache").folder == first.folder
    assert (first.folder / "cat" / "1.png").read_bytes() == b"kept"


def test_an_archive_that_changed_is_unpacked_anew(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "photos.zip", {"cat/1.png": b"1"})
    first = unpack(archive, tmp_path / "cache").folder
    make_zip(archive, {"cat/1.png": b"1", "dog/2.png": b"two"})
    second = unpack(archive, tmp_path / "cache").folder
    assert (names(first), names(second)) == (["cat/1.png"], ["cat/1.png", "dog/2.png"])


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    evil = {
        "../evil.png": b"x",
        "/abs.png": b"x",
        "a/../../b.png": b"x",
        "C:/w.png": b"x",
        "ok.png": b"x",
    }
    unpacked = unpack(make_zip(tmp_path / "photos.zip", evil), tmp_path / "cache")
    assert names(unpacked.folder) == ["ok.png"]
    assert unpacked.findings[0].count == 4
    assert [path.name for path in tmp_path.rglob("evil.png")] == []


def test_links_and_devices_are_left_alone(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"member{kind.decode()}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    unpacked = unpack(tmp_path / "photos.tar", tmp_path / "cache")
    assert names(unpacked.folder) == []
    assert unpacked.findings[0].count == 4


def test_a_bomb_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred times its size, and a little: what compresses better than that is no folder of images."""
    monkeypatch.setattr(unpacked_archive, "_FREE_BYTES", 1000)
    archive = make_zip(tmp_path / "photos.zip", {"cat/1.png": bytes(5_000_000)})
    with pytest.raises(DataError, match="unpacks to over"):
        unpack(archive, tmp_path / "cache")
    assert list((tmp_path / "cache" / "archives").iterdir()) == []


def test_a_disk_without_room_is_named_with_how_much_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacked_archive, "_FREE_BYTES", 2**20)
    archive = make_zip(tmp_path / "photos.zip", {"cat/1.png": bytes(3_000_000)})
    with (
        small_disk(tmp_path / "disk", "2m"),
        pytest.raises(DataError, match=r"more than the 1,0\d\d,\d{3} bytes .*--cache-dir"),
    ):
        unpack(archive, tmp_path / "disk" / "cache")


def test_a_size_that_lies_does_not_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked_archive, "_FREE_BYTES", 1000)
    archive = make_zip(tmp_path / "photos.zip", {"cat/1.png": bytes(5_000_000)})
    data = archive.read_bytes().replace(
        (5_000_000).to_bytes(4, "little"), (5).to_bytes(4, "little")
    )
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"unpacks to over|damaged"):
        unpack(archive, tmp_path / "cache")


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "photos.zip", {"cat/1.png": b"1"})
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(DataError, match="encrypted"):
        unpack(archive, tmp_path / "cache")


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked_archive, "MAX_FILES", 3)
    archive = make_zip(tmp_path / "photos.zip", {f"{n}.png": b"x" for n in range(4)})
    with pytest.raises(DataError, match="over 3 files"):
        unpack(archive, tmp_path / "cache")


def test_what_nobody_used_for_longest_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unused_archives, "LIMIT_BYTES", 0)
    cache, month_ago = tmp_path / "cache", time.time() - 30 * 24 * 3600
    old, recent, new = (
        make_zip(tmp_path / f"{name}.zip", {f"{name}/1.png": b"1"})
        for name in ("old", "recent", "new")
    )
    forgotten, kept = unpack(old, cache).folder, unpack(recent, cache).folder
    os.utime(forgotten.parent, (month_ago, month_ago))
    assert names(unpack(new, cache).folder) == ["new/1.png"]
    assert (forgotten.exists(), kept.exists()) == (False, True)
