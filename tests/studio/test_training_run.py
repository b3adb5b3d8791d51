"""A training from start to decision, without PyTorch: what stands for it writes the same events."""

import json
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from inference.repository import Repository
from studio.projects.project import Project
from studio.training_runs.training_run import TrainingRun
from tests.builders import LABELS, make_package
from tests.studio.projects import calling, looked_at

API = "/api/projects/photos/training"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return looked_at(tmp_path)


@pytest.fixture
def client(project: Project, tmp_path: Path) -> Iterator[TestClient]:
    with calling(project, tmp_path / "cache") as client:
        yield client


@pytest.fixture
def stands_in(monkeypatch: pytest.MonkeyPatch, project: Project) -> None:
    """In place of training: says that the version was published that a test has made."""
    events = [
        {"event": "stage", "stage": "training", "done": 5, "of": 10, "seconds_left": 1.0},
        {"event": "published", "folder": str(project.models_dir / "photos" / "2")},
        {"event": "end", "exit_code": 0},
    ]
    text = "\n".join(map(json.dumps, events))
    command = [sys.executable, "-c", f"import sys; sys.stdin.read(); print({text!r})"]
    monkeypatch.setattr(TrainingRun, "_command", lambda *_: command)


def wait_until(client: TestClient, **wanted: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        state: dict[str, Any] = client.get(API).json()
        if all(state[key] == value for key, value in wanted.items()):
            return state
        assert time.monotonic() < deadline, state
        time.sleep(0.02)


def publish(
    project: Project,
    *,
    weight: "np.ndarray | None" = None,
    labels: tuple[str, ...] = LABELS,
    tested: str | None = "red",
) -> int:
    folder = make_package(project.models_dir, name="photos", weight=weight, labels=labels)
    parts = {"0" * 64: "train"}
    if folder.name == "2" and tested is not None:
        images = sorted((project.data / tested).iterdir())
        parts |= {sha256(image.read_bytes()).hexdigest(): "test" for image in images}
    split = {"given": [], "parts": parts}
    (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
    return int(folder.name)


def start(client: TestClient) -> None:
    assert client.post(API, json={"choice": "minute"}).status_code == 202


@pytest.mark.usefixtures("stands_in")
def test_a_new_version_answers_only_when_it_is_published(
    project: Project, client: TestClient
) -> None:
    repository = Repository(project.models_dir)
    assert publish(project) == 1
    start(client)
    assert publish(project) == 2
    state = wait_until(client, state="done", comparing=False)
    assert (state["before"], state["published"], state["default"]) == (1, 2, 1)
    compared = state["comparison"]
    assert compared["verdict"] == "as good"
    assert (compared["images"], compared["part"]) == (6, "test")
    assert compared["before"]["accuracy"] == compared["new"]["accuracy"] == 1.0
    assert compared["changed"] == []
    client.post(f"{API}/decision", json={"decision": "publish"})
    assert repository.resolve("photos") == 2
    assert repository.aliases("photos") == {}  # as it was before the studio
    client.post(f"{API}/decision", json={"decision": "keep"})
    assert repository.resolve("photos") == 1


@pytest.mark.usefixtures("stands_in")
def test_images_that_the_new_version_names_otherwise_are_shown(
    project: Project, client: TestClient
) -> None:
    publish(project)
    start(client)
    publish(project, weight=np.roll(np.eye(3), 1, axis=0) * 10)  # red is called another colour
    compared = wait_until(client, state="done", comparing=False)["comparison"]
    assert compared["verdict"] == "worse"
    assert len(compared["changed"]) == 6
    first = compared["changed"][0]
    assert (first["label"], first["before"]) == ("red", "red")
    photo = client.get(f"/api/projects/photos/photos/{first['sha256']}")
    assert photo.status_code == 200


@pytest.mark.usefixtures("stands_in")
def test_with_a_new_class_both_are_tried_on_the_classes_that_both_know(
    project: Project, client: TestClient
) -> None:
    publish(project, labels=("green", "blue"), weight=np.eye(3)[1:] * 10)
    start(client)
    publish(project, tested="green")
    compared = wait_until(client, state="done", comparing=False)["comparison"]
    assert (compared["verdict"], compared["images"], compared["changed"]) == ("as good", 6, [])
    assert compared["added"] == [{"label": "red", "images": 2, "right": 2}]


@pytest.mark.usefixtures("stands_in")
def test_versions_that_learnt_from_every_photo_are_not_compared(
    project: Project, client: TestClient
) -> None:
    publish(project)
    start(client)
    publish(project, tested=None)
    compared = wait_until(client, state="done", comparing=False)["comparison"]
    assert (compared["verdict"], compared["why"]) == ("unknown", "none_held_out")


@pytest.mark.usefixtures("stands_in")
def test_an_alias_of_the_person_is_moved_and_not_removed(
    project: Project, client: TestClient
) -> None:
    repository = Repository(project.models_dir)
    publish(project)
    repository.set_alias("photos", "stable", 1)
    start(client)
    publish(project)
    wait_until(client, state="done", comparing=False)
    client.post(f"{API}/decision", json={"decision": "publish"})
    assert repository.aliases("photos") == {"stable": 2}


def test_a_training_that_fails_leaves_no_alias_and_takes_none_of_the_person(
    project: Project, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(project.models_dir)
    publish(project)
    command = [sys.executable, "-c", "raise SystemExit('error: no space left')"]
    monkeypatch.setattr(TrainingRun, "_command", lambda *_: command)
    start(client)
    assert repository.aliases("photos") == {"stable": 1}
    wait_until(client, state="failed")
    assert repository.aliases("photos") == {}
    repository.set_alias("photos", "stable", 1)
    wait_until(client, state="failed")
    assert repository.aliases("photos") == {"stable": 1}


def test_the_command_is_training_s_own_with_the_answers(
    project: Project, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(
        "studio.processes.background_job.BackgroundJob.start",
        lambda _job, command, _details: seen.append(command),
    )
    start(client)
    first = client.get("/api/projects/photos/questions/suspect_labels").json()["questions"][0]
    body = {"images": [first["image"]["sha256"]], "label": "green", "kind": "suspect_labels"}
    client.post("/api/projects/photos/answers", json=body)
    client.post(API, json={"choice": "ten_minutes"})
    assert seen[0][1:4] == ["-m", "training.finetune", str(project.data)]
    assert "--labels" not in seen[0]
    assert seen[0][-2:] == ["--method", "probe"]
    labels = Path(seen[1][seen[1].index("--labels") + 1])
    assert labels.samefile(project.workspace / "corrections.csv")
    assert seen[1][-2:] == ["--time-budget", "10m"]


def test_a_decision_without_a_version_is_refused(client: TestClient) -> None:
    refused = client.post(f"{API}/decision", json={"decision": "publish"})
    assert refused.status_code == 409


def test_the_model_is_asked_and_its_report_can_do_nothing(
    project: Project, client: TestClient
) -> None:
    publish(project)
    (project.models_dir / "photos" / "1" / "report.html").write_text("<h1>report</h1>")
    image = (project.data / "green" / "image3.png").read_bytes()
    answer = client.post("/api/models/photos/answers", params={"heat": True}, content=image).json()
    assert (answer["label"], answer["version"]) == ("green", 1)
    assert answer["heat"].startswith("data:image/jpeg;base64,")
    refused = client.post("/api/models/photos/answers", content=b"no image")
    assert refused.status_code == 422
    report = client.get("/api/models/photos/1/report")
    assert report.headers["content-security-policy"].startswith("sandbox")
    versions = client.get("/api/models/photos").json()
    assert (versions["default"], len(versions["versions"])) == (1, 1)
    assert client.get("/api/models/nobody").json()["versions"] == []
