"""Questions, answers and galleries, over the API."""

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from studio.analysis.analysis_file import read_analysis, write_analysis
from studio.errors import DiskProblem
from studio.projects.corrections import Correction, Corrections
from studio.projects.project import Project
from tests.studio.projects import calling, looked_at

API = "/api/projects/photos"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return looked_at(tmp_path)


@pytest.fixture
def client(project: Project, tmp_path: Path) -> Iterator[TestClient]:
    with calling(project, tmp_path / "cache") as client:
        yield client


def ask(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{API}/questions/suspect_labels").json()
    return found


def give(client: TestClient, image: str, label: str, kind: str = "suspect_labels") -> Any:
    body = {"images": [image], "label": label, "kind": kind}
    return client.post(f"{API}/answers", json=body).json()


def lines(project: Project) -> list[tuple[str, str, str]]:
    with (project.workspace / "corrections.csv").open(encoding="utf-8", newline="") as stream:
        return [(r["file_name"], r["label"], r["note"]) for r in csv.DictReader(stream)]


def test_an_answer_is_written_and_the_next_question_comes_with_it(
    project: Project, client: TestClient
) -> None:
    first = ask(client)["questions"][0]
    assert (first["label"], first["guess"]) == ("red", "green")
    # Those of the guessed class that nobody doubts.
    assert {like["label"] for like in first["like_guess"]} == {"green"}
    assert len(first["like_label"]) == 3
    answered = give(client, first["image"]["sha256"], "green")
    assert lines(project) == [("red/image0.png", "green", "suspect labels: was red")]
    assert answered["questions"][0]["label"] == "green"
    assert answered["progress"] == {"total": 3, "answered": 1}
    second = answered["questions"][0]["image"]["sha256"]
    third = give(client, second, "green")["questions"][0]["image"]["sha256"]
    assert give(client, third, "")["questions"] == []
    assert [line[1:] for line in lines(project)[1:]] == [
        ("green", "suspect labels: confirmed"),
        ("", "suspect labels: left out"),
    ]


def test_questions_go_on_while_answers_change_labels(tmp_path: Path) -> None:
    project = looked_at(tmp_path, in_doubt=5)
    with calling(project, tmp_path / "cache") as client:
        for _ in range(3):  # the suspects, all of them wrong
            first = ask(client)["questions"][0]
            give(client, first["image"]["sha256"], first["guess"])
        asked = 0
        while questions := ask(client)["questions"]:
            assert questions[0]["image"]["path"] not in ("red/image0.png", "green/image0.png")
            give(client, questions[0]["image"]["sha256"], questions[0]["label"])
            asked += 1
        # They end when of the last ten answers one alone would have changed a label.
        assert asked == 5
        kept = looked_at(tmp_path / "kept", in_doubt=5)
    with calling(kept, tmp_path / "cache") as client:
        for _ in range(3):
            first = ask(client)["questions"][0]
            answered = give(client, first["image"]["sha256"], first["label"])
        assert answered["questions"] == []


def test_undo_says_again_what_was_said_before(project: Project, client: TestClient) -> None:
    image = ask(client)["questions"][0]["image"]["sha256"]
    before = give(client, image, "green")["before"]
    assert before == [None]
    again = give(client, image, "blue")["before"]
    client.post(f"{API}/undo", json={"images": [image], "before": again})
    assert [line[1:] for line in lines(project)] == [("green", "suspect labels: was red")]
    client.post(f"{API}/undo", json={"images": [image], "before": before})
    assert lines(project) == []
    assert ask(client)["questions"][0]["image"]["sha256"] == image


def test_an_undo_that_a_full_disk_stops_loses_no_answer(
    project: Project, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = ask(client)["questions"][0]["image"]["sha256"]
    give(client, image, "green")
    before = give(client, image, "blue")["before"]

    def full(self: Corrections, *corrections: Correction) -> None:
        raise DiskProblem("no space left")

    monkeypatch.setattr(Corrections, "put", full)
    body = {"images": [image], "before": before}
    assert client.post(f"{API}/undo", json=body).status_code == 507
    assert [line[1] for line in lines(project)] == ["blue"]


def test_the_gallery_shows_first_what_is_least_like_its_class(client: TestClient) -> None:
    page = client.get(f"{API}/gallery", params={"label": "red", "limit": 2}).json()
    assert page["total"] == 6
    assert [image["path"] for image in page["images"]] == ["red/image0.png", "red/image1.png"]
    give(client, page["images"][0]["sha256"], "blue", "gallery")
    assert client.get(f"{API}/gallery", params={"label": "red"}).json()["total"] == 5
    blue = client.get(f"{API}/gallery", params={"label": "blue", "offset": 6}).json()
    assert [image["path"] for image in blue["images"]] == ["red/image0.png"]


def test_photos_are_our_own_jpeg_by_content(project: Project, client: TestClient) -> None:
    image = ask(client)["questions"][0]["image"]
    photo = client.get(f"{API}/photos/{image['sha256']}", params={"side": 240})
    assert photo.content.startswith(b"\xff\xd8\xff")
    assert "immutable" in photo.headers["cache-control"]
    changed = project.data / image["path"]
    changed.write_bytes(b"another")
    assert client.get(f"{API}/photos/{image['sha256']}", params={"side": 480}).status_code == 404
    assert client.get(f"{API}/photos/{'0' * 64}").status_code == 404
    assert client.get(f"{API}/photos/{image['sha256']}", params={"side": 99999}).status_code == 422


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"images": [], "label": "red", "kind": "gallery"}, "images"),
        ({"images": ["../../etc"], "label": "red", "kind": "gallery"}, "images.0"),
        ({"images": ["0" * 64], "label": "red", "kind": "gallery"}, "look again"),
        ({"images": ["FIRST"], "label": "purple", "kind": "gallery"}, "purple"),
        ({"images": ["FIRST"], "label": "red", "kind": "nonsense"}, "kind"),
    ],
)
def test_an_answer_that_fits_nothing_is_refused(
    project: Project, client: TestClient, body: dict[str, Any], says: str
) -> None:
    first = ask(client)["questions"][0]["image"]["sha256"]
    body = body | {"images": [first if i == "FIRST" else i for i in body["images"]]}
    refused = client.post(f"{API}/answers", json=body)
    assert refused.status_code in (404, 422)
    assert says in refused.json()["detail"]
    assert not (project.workspace / "corrections.csv").exists()


def test_a_folder_that_was_not_looked_at_has_no_questions(
    project: Project, client: TestClient
) -> None:
    (project.analysis_dir / "analysis.json").write_text("{")
    assert client.get(f"{API}/questions/suspect_labels").status_code == 409
    assert client.get("/api/projects/nobody/findings").status_code == 404


def test_a_vanished_folder_is_said_and_the_answers_stay(
    project: Project, client: TestClient
) -> None:
    give(client, ask(client)["questions"][0]["image"]["sha256"], "green")
    project.data.rename(project.data.with_name("elsewhere"))
    assert client.get(f"{API}/looking").json()["is_there"] is False
    refused = client.post(f"{API}/looking")
    assert (refused.status_code, "kept" in refused.json()["detail"]) == (404, True)
    assert len(lines(project)) == 1


def test_what_is_left_out_can_be_taken_in_again_after_another_look(
    project: Project, client: TestClient, tmp_path: Path
) -> None:
    image = ask(client)["questions"][0]["image"]["sha256"]
    give(client, image, "")
    looked_at_without(project, image)
    found = client.get(f"{API}/left-out").json()
    assert found == {"total": 1, "images": [{"sha256": image, "path": "red/image0.png"}]}
    assert client.get(f"{API}/findings").json()["left_out"] == 1
    assert client.get(f"{API}/photos/{image}").content.startswith(b"\xff\xd8\xff")
    client.post(f"{API}/undo", json={"images": [image], "before": [None]}).raise_for_status()
    assert client.get(f"{API}/left-out").json()["total"] == 0
    assert client.get(f"{API}/photos/{'0' * 64}").status_code == 404


def looked_at_without(project: Project, image: str) -> None:
    """As another look does, which leaves out what was left out."""
    analysis = read_analysis(project.analysis_dir)
    rows = [row for row, each in enumerate(analysis.images) if each.sha256 != image]
    less = dataclasses.replace(
        analysis,
        images=tuple(analysis.images[row] for row in rows),
        suspects=(),
        embeddings=analysis.embeddings[rows],
        confidence=analysis.confidence[rows],
        likeliest=analysis.likeliest[rows],
        groups=analysis.groups[rows],
    )
    write_analysis(project.analysis_dir, less)
