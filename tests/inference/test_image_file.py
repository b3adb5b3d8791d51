"""Files are read as far as they may be decoded."""

import os
from pathlib import Path

import pytest

from inference.decoding import OWN_FILES_LIMITS, decode_image
from inference.errors import ImageTooLarge, UndecodableImage
from inference.image_file import read_image_file
from tests.builders import coloured


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(coloured("red"))
    assert read_image_file(file) == coloured("red")


def test_of_a_huge_file_enough_is_read_to_refuse_it(tmp_path: Path) -> None:
    file = tmp_path / "huge.png"
    file.write_bytes(coloured("red"))
    os.truncate(file, 2**40)
    data = read_image_file(file)
    assert len(data) == OWN_FILES_LIMITS.max_bytes + 1
    with pytest.raises(ImageTooLarge, match="bytes"):
        decode_image(data, limits=OWN_FILES_LIMITS)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UndecodableImage, match="regular file"):
        read_image_file(tmp_path / "pipe.png")


def test_a_missing_file_is_called_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        read_image_file(tmp_path / "gone.png")
