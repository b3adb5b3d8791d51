"""Images sorted into folders by label: none overwritten, rejected apart, the same when done twice."""

import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from inference.bulk.sort_into import folder_names
from tests.builders import coloured, encode
from tests.inference.bulk.conftest import Predict


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return a folder of two different images of one name, one that is rejected, one that is broken."""
    folder = tmp_path / "images"
    for place, data in {
        "a/1.png": coloured("red"),
        "b/1.png": coloured("red", (30, 30)),
        "b/2.png": coloured("blue"),
        "b/dark.png": encode(Image.new("RGB", (20, 20), (100, 20, 20))),
        "b/broken.png": coloured("red")[:-30],
    }.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(data)
    return folder


@pytest.mark.parametrize("link", [False, True])
def test_each_image_lies_under_its_label_and_no_name_is_taken_twice(
    predict: Predict, images: Path, tmp_path: Path, link: bool
) -> None:
    target = tmp_path / "sorted"
    options = ["--out", tmp_path / "p.csv", "--sort-into", target, *["--link"] * link]
    predict(images, *options)
    placed = files_of(target)
    (other,) = set(placed) - {"red/1.png", "blue/2.png", "_rejected/dark.png"}
    assert other.startswith("red/1-")
    assert placed["red/1.png"] == coloured("red")
    assert placed[other] == coloured("red", (30, 30))
    is_linked = os.path.samefile(images / "b" / "2.png", target / "blue" / "2.png")
    assert is_linked is link

    (tmp_path / "p.csv").unlink()  # as after a kill: all rows are written again
    predict(images, *options, "--resume")
    assert files_of(target) == placed


def test_what_lies_there_already_stays_as_it_is(
    predict: Predict, images: Path, tmp_path: Path
) -> None:
    target = tmp_path / "sorted"
    (target / "blue").mkdir(parents=True)
    (target / "blue" / "2.png").write_bytes(b"mine")
    predict(images, "--out", tmp_path / "p.csv", "--sort-into", target)
    placed = files_of(target / "blue")
    assert placed.pop("2.png") == b"mine"
    assert list(placed.values()) == [coloured("blue")]


def test_members_of_an_archive_are_written_and_never_outside(
    predict: Predict, tmp_path: Path
) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../up.png", coloured("red"))
        file.writestr("cats\\..\\2.png", coloured("blue"))
    target = tmp_path / "sorted"
    predict(archive, "--out", tmp_path / "p.csv", "--sort-into", target)
    assert files_of(target) == {"red/up.png": coloured("red"), "blue/2.png": coloured("blue")}
    assert not (tmp_path.parent / "up.png").exists()


def test_labels_become_folders_that_every_system_takes() -> None:
    names = folder_names(["../etc", "a/b", "a:b", "A_B", "", "..", "_rejected", "기타"])
    assert len({name.casefold() for name in names.values()}) == 8
    assert all("/" not in name and name.strip(".") for name in names.values())
    assert names["기타"] == "기타"
