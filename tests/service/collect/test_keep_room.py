"""The bound of the folder of kept images is for all that is in it."""

import hashlib
import os
from pathlib import Path

import pytest

from service.collect.keep_room import KeepRoom, today
from service.collect.kept_records import ANSWERS_FILE, HANDLED_FILE

KB = 1000
OLD_DAY = "2026-01-01"


@pytest.fixture
def room(tmp_path: Path) -> KeepRoom:
    return KeepRoom(folder=tmp_path, max_bytes=200 * KB, max_days=36500)


def put(room: KeepRoom, *, images: int = 0, day: str | None = None, **lines: int) -> list[Path]:
    """Put images of 20 kB into a day, the oldest first, and files of lines of so many bytes."""
    folder = room.folder / (day or today())
    folder.mkdir(exist_ok=True)
    files = [folder / f"{hashlib.sha256(bytes((n,))).hexdigest()}.png" for n in range(images)]
    for age, file in enumerate(reversed(files)):
        file.write_bytes(b"x" * 20 * KB)
        os.utime(file, (1e9 - age, 1e9 - age))
    for name, size in lines.items():
        (folder / f"{name}.jsonl").write_bytes(b"x" * size)
    return files


def test_where_lines_fill_the_folder_no_image_is_removed_in_vain(room: KeepRoom) -> None:
    images = put(room, images=3, answers=300 * KB)
    assert not room.take(20 * KB)
    assert all(image.exists() for image in images)


def test_an_older_day_makes_room_with_its_lines(room: KeepRoom) -> None:
    put(room, images=1, day=OLD_DAY, answers=150 * KB)
    images = put(room, images=2)
    assert room.take(20 * KB)
    assert not (room.folder / OLD_DAY).exists()
    assert all(image.exists() for image in images)


def test_lines_of_images_that_came_again_are_counted(room: KeepRoom) -> None:
    first, *others = put(room, images=5)
    file = room.folder / today() / ANSWERS_FILE
    for _ in range(11):
        assert room.take_to_append(file, 10 * KB)
        with file.open("ab") as stream:
            stream.write(b"x" * 10 * KB)
    assert not first.exists()
    assert others[-1].exists()


def test_what_a_person_decided_is_counted_at_the_next_look(room: KeepRoom) -> None:
    assert room.take(20 * KB)
    put(room, images=1, handled=190 * KB)
    room.remove_old()
    assert not room.take(20 * KB)
    assert (room.folder / today() / HANDLED_FILE).exists()


def test_a_file_that_goes_meanwhile_drops_no_image(room: KeepRoom) -> None:
    images = put(room, images=10)
    # It is listed, but is no longer there when it is looked at.
    (images[0].parent / f"{'0' * 64}.png").symlink_to("gone")
    assert room.take(20 * KB)
    assert not images[0].exists()
