"""A pile of unlabelled photos: groups, names, copies."""

import errno
import os
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from studio.errors import DiskProblem
from studio.piles.grouping import least_sure, next_group
from studio.piles.pile_file import Pile, PileImage, write_pile
from studio.projects.copying import copy_into
from studio.projects.project import Project
from tests.studio.projects import calling, looked_at
from tests.training.folders import write_class

API = "/api/projects/photos/pile"


def embeddings(kinds: list[int], *, noise: float = 0.05) -> "np.ndarray[Any, np.dtype[np.float16]]":
    rng = np.random.default_rng(0)
    found = np.eye(max(kinds) + 1, 16)[kinds] + rng.normal(0, noise, (len(kinds), 16))
    unit: np.ndarray[Any, np.dtype[np.float16]] = (
        found / np.linalg.norm(found, axis=1, keepdims=True)
    ).astype(np.float16)
    return unit


def pile_of(kinds: list[int]) -> Pile:
    return Pile(
        folder="/pile",
        images=tuple(PileImage(path=f"{i}.png", sha256=f"{i:064x}") for i in range(len(kinds))),
        unreadable=(),
        labels=(),
        embeddings=embeddings(kinds),
        probabilities=np.zeros((len(kinds), 0), np.float32),
    )


def test_groups_are_of_one_kind_and_the_biggest_comes_first() -> None:
    kinds = [0] * 30 + [1] * 12 + [2] * 6
    pile = pile_of(kinds)
    named: dict[int, str] = {}
    groups = []
    while (group := next_group(pile, named, by_guess=False)) is not None:
        groups.append([kinds[row] for row in group.rows])
        named |= dict.fromkeys(group.rows, "x")
    assert len(set(groups[0])) == 1
    assert len(groups[0]) == max(map(len, groups))
    assert len(named) == len(kinds)
    pure = sum(max(map(group.count, group)) for group in groups)
    assert pure >= 0.9 * len(kinds)


def test_names_guess_the_rest() -> None:
    kinds = [0] * 20 + [1] * 20
    pile = pile_of(kinds)
    named = dict.fromkeys(range(5), "hat") | dict.fromkeys(range(20, 25), "shoe")
    group = next_group(pile, named, by_guess=True)
    assert group is not None
    assert {("hat", "shoe")[kinds[row]] for row in group.rows} == {group.guess}
    doubtful = least_sure(pile, named)
    assert doubtful is not None
    assert list(doubtful.certainty) == sorted(doubtful.certainty)
    assert least_sure(pile, dict.fromkeys(range(5), "hat")) is None


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = looked_at(tmp_path)
    pile = tmp_path / "photos of mine"
    files = write_class(pile, 0, count=8, seed=5)
    images = [
        PileImage(path=f.name, sha256=sha256(f.read_bytes()).hexdigest()) for f in sorted(files)
    ]
    found = Pile(
        folder=str(pile),
        images=tuple(images),
        unreadable=(),
        labels=(),
        embeddings=embeddings([0] * 8),
        probabilities=np.zeros((8, 0), np.float32),
    )
    write_pile(project.workspace / "pile", found)
    return project


@pytest.fixture
def client(project: Project, tmp_path: Path) -> Iterator[TestClient]:
    with calling(project, tmp_path / "cache") as client:
        yield client


def name(client: TestClient, images: list[str], label: str) -> Any:
    body = {"images": images, "label": label, "order": "groups"}
    return client.post(f"{API}/names", json=body)


def test_named_photos_are_copied_once_and_nothing_is_written_over(
    project: Project, client: TestClient
) -> None:
    group = client.get(f"{API}/group").json()["group"]["images"]
    in_the_way = project.data / "hat" / group[0]["path"]
    in_the_way.parent.mkdir()
    in_the_way.write_bytes(b"another photo of that name")
    after = name(client, [image["sha256"] for image in group], "hat").json()
    assert after["counts"] == {"hat": len(group)}
    assert client.post(f"{API}/copy").json()["copied"] == len(group)
    assert client.post(f"{API}/copy").json() == {
        "copied": 0,
        "there_already": len(group),
        "gone": 0,
    }
    assert in_the_way.read_bytes() == b"another photo of that name"
    assert len(list((project.data / "hat").iterdir())) == len(group) + 1
    taken_back = client.post(
        f"{API}/undo", json={"images": [group[0]["sha256"]], "order": "groups"}
    )
    assert taken_back.json()["named"] == len(group) - 1


def test_a_photo_that_may_not_be_read_is_not_said_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(target))

    # The tests may run as root, whom no permission stops.
    monkeypatch.setattr(shutil, "copyfile", refuse)
    with pytest.raises(DiskProblem, match="Permission denied"):
        copy_into(tmp_path / "photos", [(photo, "0" * 64, "hat")])


def test_a_long_name_that_is_taken_is_shortened(tmp_path: Path) -> None:
    hats = tmp_path / "photos" / "hat"
    hats.mkdir(parents=True)
    photo = tmp_path / f"{'사진' * 41}.jpg"  # 250 bytes; 255 are the most
    photo.write_bytes(b"x")
    (hats / photo.name).write_bytes(b"another photo of that name")
    assert copy_into(tmp_path / "photos", [(photo, "0" * 64, "hat")]).copied == 1
    assert sorted(file.read_bytes() for file in hats.glob("*.jpg")) == [
        b"another photo of that name",
        b"x",
    ]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_links_gets_the_photos_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")

    def refuse(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(target))

    monkeypatch.setattr(os, "link", refuse)
    copy_into(tmp_path / "photos", [(photo, "0" * 64, "hat")])
    assert [file.name for file in (tmp_path / "photos" / "hat").iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("label", ["../up", "a/b", ".hidden", "test", "a\nb", "nul?", "x" * 201])
def test_a_name_that_no_class_folder_can_have_is_refused(
    project: Project, client: TestClient, label: str
) -> None:
    image = client.get(f"{API}/group").json()["group"]["images"][0]["sha256"]
    assert name(client, [image], label).status_code == 422
    assert client.get(f"{API}/group").json()["named"] == 0


def test_a_pile_outside_the_roots_is_not_looked_at(client: TestClient) -> None:
    assert client.post(API, json={"path": "/"}).status_code == 403
