"""What can be given to be answered: folders, archives, lists, a pipe."""

import io
import os
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from inference.bulk.items import Item
from inference.bulk.pipeline import answer_batch
from inference.bulk.sources import open_sources
from inference.classifier import Classifier
from inference.decoding import OWN_FILES_LIMITS
from inference.errors import UsageError
from inference.folder_tree import read_tree, walk
from tests.builders import coloured


def names(*arguments: object) -> list[str]:
    return [item.name for item in open_sources([*map(str, arguments)], None).items()]


def problem_of(classifier: Classifier, item: Item) -> str | None:
    (row,) = answer_batch(classifier, [item], top_k=1)
    return row.problem


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    """Return a folder with links in circles, clutter, names without a suffix and what is no image."""
    folder = tmp_path / "folder"
    (folder / "b" / "c").mkdir(parents=True)
    (folder / "a").mkdir()
    for place in ("z.png", "a/photo", "b/c/x.JPG", "b/@eaDir", ".hidden.png"):
        (folder / place).write_bytes(coloured("red"))
    (folder / "notes.txt").write_text("text")
    (folder / "b" / "loop").symlink_to(folder)
    (folder / "again").symlink_to(folder / "a")
    (folder / "up").symlink_to(tmp_path)
    (tmp_path / "beside.png").write_bytes(coloured("red"))
    return folder


def test_a_folder_has_the_images_and_the_order_that_training_has(odd_folder: Path) -> None:
    expected = [
        str(path / name)
        for path, folder in walk(read_tree(odd_folder), odd_folder)
        for name in folder.images
    ]
    assert names(odd_folder) == expected
    assert len(expected) == 3
    assert open_sources([str(odd_folder)], None).count() == 3


def test_a_folder_that_may_not_be_listed_is_one_item_with_the_problem(
    odd_folder: Path, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("/b"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    items = {item.name: item for item in open_sources([str(odd_folder)], None).items()}
    problem = problem_of(classifier, items[f"{odd_folder}/b"])
    assert problem == "folder cannot be listed: Permission denied"
    assert len(items) == 3


def test_a_list_is_relative_to_its_own_folder_and_its_lines_are_the_names(
    odd_folder: Path, classifier: Classifier
) -> None:
    listed = odd_folder / "list.txt"
    listed.write_bytes(
        "\ufeffz.png\r\n\nb/c/x.JPG\ngone.png\n".encode() + b"a\0b.png\n/dev/zero\nb"
    )
    items = list(open_sources([str(listed)], None).items())
    assert [item.name for item in items][:3] == ["z.png", "b/c/x.JPG", "gone.png"]
    assert [problem_of(classifier, item) for item in items] == [
        None,
        None,
        "cannot be read: No such file or directory",
        "cannot be read: no such path is possible",
        "not a regular file",
        "not a regular file",
    ]


def test_a_pipe_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = SimpleNamespace(buffer=io.BytesIO(b"a.png\ncaf\xe9.png\n"))
    monkeypatch.setattr("sys.stdin", pipe)
    assert names("-") == ["a.png", "caf\udce9.png"]


def test_an_archive_is_read_in_place(tmp_path: Path, classifier: Classifier) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("cats/1.png", coloured("red"))
        file.writestr("__MACOSX/cats/._1.png", b"x")
        file.writestr("../../etc/photo", coloured("blue"))
        file.writestr("notes.txt", b"text")
        file.writestr("rare.png", coloured("red"), zipfile.ZIP_LZMA)
        file.writestr("bomb.png", bytes(OWN_FILES_LIMITS.max_bytes + 2))
    items = list(open_sources([str(archive)], None).items())
    assert [item.name.removeprefix(f"{archive}/") for item in items] == [
        "cats/1.png",
        "../../etc/photo",
        "rare.png",
        "bomb.png",
    ]
    assert [problem_of(classifier, item) for item in items] == [
        None,
        None,
        "compressed in the archive by a rare method; unpack it first",
        "image is over 268,435,456 bytes; make it smaller",
    ]
    assert len(items[-1].read()) == OWN_FILES_LIMITS.max_bytes + 1  # type: ignore[arg-type]
    assert sorted(tmp_path.iterdir()) == [archive]


def test_a_member_that_is_damaged_or_encrypted_costs_only_itself(
    tmp_path: Path, classifier: Classifier
) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("a.png", "b.png", "c.png"):
            file.writestr(name, coloured("red"))
    data = bytearray(archive.read_bytes())
    data[data.index(b"a.png") + 40] ^= 1  # its sum no longer fits
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # local, and in the directory
        at = data.index(mark, data.index(b"b.png") - 30 if mark == b"PK\3\4" else 0)
        if mark == b"PK\1\2":
            at = data.index(mark, at + 1)
        struct.pack_into("<H", data, at + offset, 1)
    archive.write_bytes(data)
    items = list(open_sources([str(archive)], None).items())
    assert [problem_of(classifier, item) for item in items] == [
        "damaged in the archive; replace it with a sound copy",
        "encrypted in the archive; unpack it with its password",
        None,
    ]


def test_a_member_whose_second_name_is_damaged_costs_only_itself(
    tmp_path: Path, classifier: Classifier
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("é.png", "é", "sound.png"):
            archive.writestr(name, coloured("red"))
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(
        data.replace("é".encode(), b"\xff\xfe", 1).replace("é".encode(), b"\xff\xfe", 1)
    )
    items = list(open_sources([str(tmp_path / "a.zip")], None).items())
    problems = [problem_of(classifier, item) for item in items]
    assert [item.name.rpartition("/")[2] for item in items] == ["é.png", "sound.png"]
    assert problems == ["damaged in the archive; replace it with a sound copy", None]


def test_an_archive_that_lists_more_than_can_be_held_is_refused_unread(tmp_path: Path) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.png", b"x")
    data = bytearray(archive.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\5\6") + 12, 400_000_000)
    archive.write_bytes(data)
    with pytest.raises(UsageError, match="more files than can be held"):
        open_sources([str(archive)], None)


def test_what_is_no_archive_though_it_begins_as_one_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "photos.zip"
    archive.write_bytes(b"PK\3\4" + bytes(100))
    with pytest.raises(UsageError, match="damaged"):
        open_sources([str(archive)], None)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ('\ufefffile_name,label\na.png,dress\n"b, c.png",hat\n', ["a.png", "b, c.png"]),
        ("nr;Image_Path;label\r\n1;a.png;hat\r\n", ["a.png"]),
        ("dress.0.jpg,dress\nhat.1.jpg,hat\n", ["dress.0.jpg", "hat.1.jpg"]),
        ("one, two.png\nthree.png\n", ["one, two.png", "three.png"]),
        ("file.png\n", ["file.png"]),
    ],
)
def test_a_table_is_a_list_by_its_column_of_file_names(
    tmp_path: Path, text: str, paths: list[str]
) -> None:
    listed = tmp_path / "l.csv"
    listed.write_text(text, encoding="utf-8")
    assert names(listed) == paths


def test_a_table_without_file_names_is_refused(tmp_path: Path) -> None:
    listed = tmp_path / "l.csv"
    listed.write_text("label,score\nhat,0.5\n")
    with pytest.raises(UsageError, match="a table without a column file_name: its first line is"):
        open_sources([str(listed)], None)


@pytest.mark.parametrize(
    "text",
    ['file_name,text\na.png,"5 inch\n' + "b.png,x\n" * 20_000, "QUJD" * 40_000],
    ids=["a quotation mark alone", "one endless line"],
)
def test_a_table_with_a_cell_that_has_no_end_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UsageError, match="quotation mark"):
        names(tmp_path / "list.csv")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_list_of_windows_is_read_in_its_encoding(tmp_path: Path, encoding: str) -> None:
    text = "\ufeffa.png\r\n사진.png\r\n" if encoding == "utf-16-be" else "a.png\r\n사진.png\r\n"
    (tmp_path / "list.txt").write_bytes(text.encode(encoding))
    assert names(tmp_path / "list.txt") == ["a.png", "사진.png"]
