"""The index of training images: nearest first, and nothing dangerous in it is read."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference.errors import PackageError
from inference.similar import IndexedImage, SimilarIndex, read_index, write_index

IMAGES = [IndexedImage(path=f"기타/{i}.png", label="기타") for i in range(4)]
EMBEDDINGS = np.array([[3, 0, 0], [0, 0.1, 0], [0, 5, 5], [0, 0, 0]], np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_index(tmp_path, SimilarIndex.build(EMBEDDINGS, IMAGES))
    return tmp_path


def test_the_nearest_come_first_whatever_their_length(folder: Path) -> None:
    found = read_index(folder).nearest(np.array([0, 70, 70], np.float32), 3)
    assert [entry.image.path for entry in found] == ["기타/2.png", "기타/1.png", "기타/0.png"]
    assert [entry.cosine for entry in found] == pytest.approx([1, 0.5**0.5, 0], abs=1e-3)


def test_more_than_there_are_gives_all(folder: Path) -> None:
    assert len(read_index(folder).nearest(np.ones(3, np.float32), 99)) == 4


def test_an_index_survives_its_files(folder: Path) -> None:
    index = read_index(folder)
    assert index.images == tuple(IMAGES)
    assert index.vectors.dtype == np.float16
    assert np.linalg.norm(index.vectors[:3].astype(float), axis=1) == pytest.approx(1, abs=1e-3)


def test_an_embedding_of_another_length_is_refused(folder: Path) -> None:
    with pytest.raises(PackageError, match="of 3 numbers, the model answers with 5"):
        read_index(folder).nearest(np.ones(5, np.float32), 1)


def test_a_package_without_an_index_says_so(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no index of its training images"):
        read_index(tmp_path)


def pickled(folder: Path) -> None:
    np.save(folder / "similar.npy", np.array([[object()]]), allow_pickle=True)


def other_type(folder: Path) -> None:
    np.save(folder / "similar.npy", np.ones((4, 3)))


def other_shape(folder: Path) -> None:
    np.save(folder / "similar.npy", np.ones((4,), np.float16))


def other_length(folder: Path) -> None:
    np.save(folder / "similar.npy", np.ones((5, 3), np.float16))


def no_numbers(folder: Path) -> None:
    np.save(folder / "similar.npy", np.full((4, 3), np.nan, np.float16))


def truncated(folder: Path) -> None:
    file = folder / "similar.npy"
    file.write_bytes(file.read_bytes()[:-4])


def empty(folder: Path) -> None:
    (folder / "similar.npy").write_bytes(b"")


def an_archive(folder: Path) -> None:
    """np.load would unpack it, whatever it holds."""
    with (folder / "similar.npy").open("wb") as file:
        np.savez(file, vectors=np.ones((4, 3), np.float16))


def promises_too_much(folder: Path) -> None:
    with (folder / "similar.npy").open("wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (4, 10**12)}
        np.lib.format.write_array_header_1_0(file, header)


def too_large(folder: Path) -> None:
    os.truncate(folder / "similar.npy", 300 * 2**20)


def no_list(folder: Path) -> None:
    (folder / "similar.json").write_text("[]")


def unknown_keys(folder: Path) -> None:
    text = (folder / "similar.json").read_text("utf-8")
    (folder / "similar.json").write_text(json.dumps({**json.loads(text), "more": 1}))


def a_link_out(folder: Path) -> None:
    (folder / "similar.json").unlink()
    (folder / "similar.json").symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    "damage",
    [
        pickled,
        other_type,
        other_shape,
        other_length,
        no_numbers,
        truncated,
        empty,
        an_archive,
        promises_too_much,
        too_large,
        no_list,
        unknown_keys,
        a_link_out,
    ],
)
def test_a_damaged_index_is_refused(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder)
    with pytest.raises(PackageError, match=r"similar\.(npy|json)"):
        read_index(folder)
