"""A new data set from the page: its folder, its classes, its photos."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from studio.projects.project import Project
from tests.builders import coloured
from tests.studio.projects import calling, looked_at

API = "/api/projects/photos"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return looked_at(tmp_path)


@pytest.fixture
def client(project: Project, tmp_path: Path) -> Iterator[TestClient]:
    with calling(project, tmp_path / "cache") as client:
        yield client


def test_a_new_data_set_gets_classes_and_photos(project: Project, client: TestClient) -> None:
    parent = project.data.parent
    made = client.post("/api/new", json={"parent": str(parent), "name": "과일"}).json()
    assert made["name"].isascii()
    api = f"/api/projects/{made['name']}"
    client.post(f"{api}/classes", json={"label": "사과"}).raise_for_status()
    photo = coloured("red", image_format="JPEG")
    for new in (True, False):
        answer = client.post(f"{api}/photos", params={"label": "사과"}, content=photo)
        assert answer.json() == {"new": new}
    assert client.get(f"{api}/classes").json() == [{"label": "사과", "images": 1}]
    (file,) = (parent / "과일" / "사과").iterdir()
    assert (file.suffix, file.read_bytes()) == (".jpg", photo)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".x", "photos", "a\0b"])
def test_a_folder_of_a_bad_name_or_one_that_is_there_is_not_made(
    project: Project, client: TestClient, name: str
) -> None:
    before = sorted(project.data.parent.iterdir())
    refused = client.post("/api/new", json={"parent": str(project.data.parent), "name": name})
    assert refused.status_code == 422
    assert sorted(project.data.parent.iterdir()) == before


def test_what_is_no_image_and_what_would_leave_the_folder_is_refused(
    project: Project, client: TestClient
) -> None:
    photo = coloured("red")
    assert client.post(f"{API}/photos", params={"label": "red"}, content=b"x").status_code == 422
    for label in ("../up", "/etc", ".git"):
        refused = client.post(f"{API}/photos", params={"label": label}, content=photo)
        assert refused.status_code == 422
    outside = client.post("/api/new", json={"parent": "/", "name": "x"})
    assert outside.status_code == 403


def test_photos_of_a_folder_with_splits_go_into_train(project: Project, client: TestClient) -> None:
    (project.data / "train").mkdir()
    client.post(f"{API}/photos", params={"label": "red"}, content=coloured("blue"))
    assert len(list((project.data / "train" / "red").iterdir())) == 1


def test_a_class_folder_from_a_mac_gets_no_twin(project: Project, client: TestClient) -> None:
    folder = project.data / unicodedata.normalize("NFD", "모자")
    folder.mkdir()
    client.post(f"{API}/classes", json={"label": "모자"}).raise_for_status()
    photo = coloured("red")
    client.post(f"{API}/photos", params={"label": "모자"}, content=photo).raise_for_status()
    assert len(list(folder.iterdir())) == 1
    assert [one["label"] for one in client.get(f"{API}/classes").json()].count("모자") == 1
