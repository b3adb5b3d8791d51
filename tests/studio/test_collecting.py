"""What a service has kept: labelled here, copied on a word."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from service.collect.daily_sums import SUMS_FOLDER
from service.collect.json_lines import append_line
from service.collect.kept_records import ANSWERS_FILE, KeptAnswer, LabelShare, as_line
from studio.piles.pile_file import Pile, PileImage, write_pile
from studio.projects.project import Project
from tests.studio.projects import calling, looked_at
from tests.training.folders import noisy_png

API = "/api/projects/photos/kept"
PILE = "/api/projects/photos/pile"


def keep(folder: Path, number: int, probability: float) -> str:
    """Write an image and its answer as the service does."""
    data = noisy_png(3, number)
    digest = sha256(data).hexdigest()
    answer = KeptAnswer(
        request_id=f"r{number}",
        index=0,
        sha256=digest,
        file=f"{digest}.png",
        time=f"2026-11-29T12:00:{number:02d}.000+00:00",
        model="photos",
        version=1,
        label="red",
        probability=probability,
        rejected=True,
        top=(LabelShare(label="red", probability=probability),),
        reasons=("rejected",),
    )
    day = folder / "2026-11-29"
    day.mkdir(parents=True, exist_ok=True)
    (day / answer.file).write_bytes(data)
    append_line(day / ANSWERS_FILE, as_line(answer))
    return digest


def files(project: Project, label: str) -> int:
    folder = project.data / label
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_the_least_sure_come_first_and_go_into_class_folders_on_a_word(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    kept = tmp_path / "kept"
    images = {share: keep(kept, n, share) for n, share in enumerate((0.9, 0.2, 0.5))}
    with calling(project, tmp_path / "cache", keep_dir=kept) as client:
        shown = client.get(API).json()
        assert [image["probability"] for image in shown["images"]] == [0.2, 0.5, 0.9]
        photo = client.get(f"{API}/photos/{images[0.2]}", params={"side": 240})
        assert photo.content.startswith(b"\xff\xd8\xff")
        for share, label in ((0.2, "yellow"), (0.5, None)):
            client.post(API, json={"sha256": images[share], "label": label}).raise_for_status()
        after = client.get(API).json()
        assert (after["total"], after["new"]) == (1, ["yellow"])
        assert after["labels"] == ["red", "green", "blue", "yellow"]
        assert files(project, "yellow") == 0  # not before the person says so
        assert client.post(f"{API}/copy").json()["copied"] == 1
        assert files(project, "yellow") == 1
        client.post(f"{API}/undo", json={"sha256": images[0.5]}).raise_for_status()
        assert [i["probability"] for i in client.get(API).json()["images"]] == [0.5, 0.9]
        refused = client.post(API, json={"sha256": images[0.9], "label": "../up"})
        assert refused.status_code == 422
        gone = client.post(API, json={"sha256": "0" * 64, "label": "red"})
        assert gone.status_code == 404


def test_what_waits_is_named_in_groups_and_is_decided_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = looked_at(tmp_path)
    kept = (tmp_path / "kept").resolve()
    images = [keep(kept, n, 0.5) for n in range(4)]
    commands: list[list[str]] = []
    monkeypatch.setattr(
        "studio.processes.background_job.BackgroundJob.start",
        lambda _job, command, _details: commands.append(command),
    )
    with calling(project, tmp_path / "cache", keep_dir=kept) as client:
        client.post(API, json={"sha256": images[3], "label": "red"}).raise_for_status()
        client.post(f"{API}/sort").raise_for_status()
        (command,) = commands
        only = Path(command[command.index("--only") + 1]).read_text().splitlines()
        assert (command[3], set(only)) == (str(kept), {f"{s}.png" for s in images[:3]})
        write_pile(project.workspace / "pile", pile_of(kept, images[:3]))
        body = {"images": images[:2], "order": "groups"}
        client.post(f"{PILE}/names", json={**body, "label": "hat"}).raise_for_status()
        assert [i["sha256"] for i in client.get(API).json()["images"]] == [images[2]]
        client.post(f"{PILE}/undo", json=body).raise_for_status()
        assert client.get(API).json()["total"] == 3


def pile_of(kept: Path, images: list[str]) -> Pile:
    """Return what a look at kept images leaves."""
    return Pile(
        folder=str(kept),
        images=tuple(PileImage(path=f"2026-11-29/{s}.png", sha256=s) for s in images),
        unreadable=(),
        labels=(),
        embeddings=np.eye(len(images), 16, dtype=np.float16),
        probabilities=np.zeros((len(images), 0), np.float32),
    )


def test_no_folder_of_a_service_is_an_empty_queue(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    with calling(project, tmp_path / "cache", keep_dir=tmp_path / "none") as client:
        shown = client.get(API).json()
        assert (shown["total"], shown["images"]) == (0, [])


def test_a_file_that_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    project = looked_at(tmp_path)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / SUMS_FOLDER).write_text("a file in the way")
    with calling(project, tmp_path / "cache", keep_dir=kept) as client:
        refused = client.get(f"{API}/drift")
    assert (refused.status_code, refused.json()["code"]) == (507, "disk_problem")
    assert SUMS_FOLDER in refused.json()["detail"]
