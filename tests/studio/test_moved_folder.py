"""A folder that was moved or renamed: its project finds it again."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from studio.app import create_app
from studio.projects.corrections import Correction, Corrections
from studio.projects.project import Project
from tests.studio.projects import HOST, SECRET, calling, looked_at, settings_of
from tests.training.folders import write_class

API = "/api/projects/photos"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = looked_at(tmp_path)
    Corrections(project.workspace).put(Correction(file_name="a", sha256="a" * 64, label="red"))
    return project


@pytest.fixture
def client(project: Project, tmp_path: Path) -> Iterator[TestClient]:
    with calling(project, tmp_path / "cache") as client:
        client.get(f"{API}/findings").raise_for_status()
        yield client


def test_a_renamed_folder_is_known_by_its_photos(project: Project, client: TestClient) -> None:
    there = project.data.rename(project.data.with_name("holiday"))
    assert client.post("/api/projects", json={"path": str(there)}).json()["name"] == "photos"
    found = client.get(f"{API}/looking").json()
    assert (found["data"], found["is_there"]) == (str(there), True)
    assert client.get(f"{API}/findings").json()["corrections"] == 1


def test_a_copy_or_a_folder_of_other_photos_is_another_project(
    project: Project, client: TestClient
) -> None:
    copy = shutil.copytree(project.data, project.data.with_name("copy"))
    assert client.post("/api/projects", json={"path": str(copy)}).json()["name"] == "copy"
    other = project.data.rename(project.data.with_name("other"))
    for number, label in enumerate(("red", "green", "blue")):
        shutil.rmtree(other / label)
        write_class(other / label, number, count=6, seed=99)
    assert client.post("/api/projects", json={"path": str(other)}).json()["name"] == "other"


def test_the_person_says_where_it_is_now(project: Project, client: TestClient) -> None:
    there = project.data.with_name("photos of 2026")
    there.mkdir()
    body = {"path": str(there)}
    assert client.post(f"{API}/folder", json=body).status_code == 409  # the old one is still there
    shutil.rmtree(project.data)
    assert client.post(f"{API}/folder", json={"path": "/"}).status_code == 403
    assert client.post(f"{API}/folder", json=body).json() == {"name": "photos", "data": str(there)}
    assert client.get(f"{API}/looking").json()["data"] == str(there)
    assert client.get(f"{API}/findings").json()["corrections"] == 1


def test_folders_are_shown_where_the_one_of_the_start_is_gone(
    project: Project, tmp_path: Path
) -> None:
    roots = (tmp_path / "gone", tmp_path)
    settings = replace(settings_of(project, tmp_path / "cache", tmp_path / "kept"), roots=roots)
    headers = {"authorization": f"Bearer {SECRET}"}
    with TestClient(create_app(settings), base_url=f"http://{HOST}", headers=headers) as client:
        assert client.get("/api/folders").json()["path"] == str(tmp_path)
