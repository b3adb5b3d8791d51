"""The repository in other people's hands, against a real process: what is served goes on being served."""

import json
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from inference import Repository
from tests.builders import coloured, make_package
from tests.service.service_process import Process, eventually, listening, running

ADMIN = {"authorization": "Bearer admin-key-123"}
POLL = {"GRAFT_POLL_INTERVAL_S": "0.1"}
# Root may read everything. Without these rights it is a user like any other.
AS_USER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


def soon(holds: Callable[[], object], service: Process) -> None:
    eventually(holds, lambda: service.log[-3000:])


def model(service: Process) -> dict[str, Any]:
    (found,) = httpx2.get(f"{service.url}/models", timeout=60).json()["models"]
    return dict(found)


def listing(service: Process) -> str:
    return httpx2.get(f"{service.url}/models", timeout=60).text


def _has_logged(service: Process, line: str) -> bool:
    return line in service.log


def states(service: Process) -> dict[int, str]:
    return {version["version"]: version["state"] for version in model(service)["versions"]}


@contextmanager
def asked_all_the_time(service: Process) -> Iterator["Counter[object]"]:
    """Send good requests; count the answers by status, or by version where it is 200."""
    answers: Counter[object] = Counter()
    stop = threading.Event()

    def ask() -> None:
        with httpx2.Client(base_url=service.url, timeout=60) as client:
            while not stop.is_set():
                answer = client.post("/predict", content=coloured("red"))
                ok = answer.status_code == 200
                answers[f"version {answer.json()['model']['version']}" if ok else answer.text] += 1

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield answers
    finally:
        stop.set()
        asker.join()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_aliases_set_at_once_are_all_there(models_dir: Path, workers: str) -> None:
    make_package(models_dir)
    with (
        running(models_dir, GRAFT_WORKERS=workers, GRAFT_ADMIN_KEYS="admin-key-123") as service,
        ThreadPoolExecutor(4) as callers,
    ):

        def set_aliases(caller: str) -> set[int]:
            with httpx2.Client(base_url=service.url, headers=ADMIN, timeout=60) as client:
                urls = [f"/models/colours/aliases/{caller}-{number}" for number in range(10)]
                return {client.put(url, json={"version": 1}).status_code for url in urls}

        assert list(callers.map(set_aliases, "abcd")) == [{200}] * 4
    assert len(Repository(models_dir).aliases("colours")) == 40


@pytest.mark.parametrize("forbidden", [".", "manifest.json", "model.onnx"])
def test_a_version_that_may_not_be_read_is_shown_and_leaves_the_one_in_service(
    models_dir: Path, forbidden: str
) -> None:
    make_package(models_dir)
    with (
        running(models_dir, within=AS_USER, **POLL) as service,
        asked_all_the_time(service) as answers,
    ):
        # Renamed into place with its rights, as training does.
        new = make_package(models_dir, after=lambda folder: (folder / forbidden).chmod(0))
        soon(lambda: states(service).get(2) == "failed", service)
        assert "Permission denied" in model(service)["problem"]
        assert list(answers) == ["version 1"]
        (new / forbidden).chmod(0o755)
        soon(lambda: model(service)["serving"] == 2, service)
        assert set(answers) <= {"version 1", "version 2"}
    assert service.log.count("Permission denied") == 1


def test_a_model_whose_folder_may_not_be_read_any_more_goes_on(models_dir: Path) -> None:
    folder = make_package(models_dir).parent
    said = {
        folder: "model_problem name=colours reason=its folder cannot be read",
        models_dir: "models_folder_problem reason=the models folder cannot be read",
    }
    with running(models_dir, within=AS_USER, **POLL) as service:
        with asked_all_the_time(service) as answers:
            for place, line in said.items():
                place.chmod(0)
                # A look that was under way may name a file in it instead, and the next one names it.
                soon(partial(_has_logged, service, line), service)
                soon(lambda: "Permission denied" in listing(service), service)
                place.chmod(0o755)
                soon(lambda: "Permission denied" not in listing(service), service)
        assert list(answers) == ["version 1"]
    assert [service.log.count(line) for line in said.values()] == [1, 1]


def test_a_version_that_is_away_for_milliseconds_is_not_missed(models_dir: Path) -> None:
    folder = make_package(models_dir)
    away = models_dir / "away"
    with running(models_dir, **POLL) as service:
        stop = threading.Event()

        def move() -> None:
            while not stop.wait(0.02):
                folder.rename(away)
                stop.wait(0.02)
                away.rename(folder)

        mover = threading.Thread(target=move)
        mover.start()
        with asked_all_the_time(service) as answers:
            soon(lambda: answers.total() > 200, service)
        stop.set()
        mover.join()
        assert list(answers) == ["version 1"]
        assert service.log.count("model_serving") == 1


def test_a_volume_that_is_gone_takes_nothing_along(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, **POLL) as service, asked_all_the_time(service) as answers:
        models_dir.rename(models_dir.with_name("volume"))
        models_dir.mkdir()
        soon(lambda: "models_folder_problem" in service.log, service)
        models_dir.rmdir()
        models_dir.with_name("volume").rename(models_dir)
        soon(lambda: "models_folder_is_back" in service.log, service)
        soon(lambda: answers.total() > 0, service)
        assert list(answers) == ["version 1"]
        shutil.rmtree(models_dir / "colours")
        soon(lambda: "model_removed name=colours version=1" in service.log, service)


def test_a_slow_copy_is_incomplete_until_it_is_there_and_then_answers(models_dir: Path) -> None:
    make_package(models_dir)
    source = make_package(models_dir.with_name("elsewhere"))
    manifest = json.loads((source / "manifest.json").read_text()) | {"version": 2}
    target = models_dir / "colours" / "2"
    with running(models_dir, **POLL) as service, asked_all_the_time(service) as answers:
        target.mkdir()
        soon(lambda: states(service).get(2) == "incomplete", service)
        (target / "manifest.json").write_text(json.dumps(manifest))
        soon(lambda: "model.onnx is not there yet" in str(model(service)), service)
        data = (source / "model.onnx").read_bytes()
        with (target / "model.onnx").open("wb", buffering=0) as file:
            file.write(data[:1000])
            soon(lambda: "has 1000 of" in str(model(service)["problem"]), service)
            file.write(data[1000:])
        soon(lambda: "golden/expected.json is not there yet" in str(model(service)), service)
        # The images come last: it is loaded too early, and again.
        (target / "golden").mkdir()
        shutil.copy(source / "golden" / "expected.json", target / "golden")
        soon(lambda: states(service)[2] == "failed", service)
        assert list(answers) == ["version 1"]
        shutil.copytree(source / "golden", target / "golden", dirs_exist_ok=True)
        soon(lambda: model(service)["serving"] == 2, service)
        assert set(answers) <= {"version 1", "version 2"}
        assert service.log.count("version_incomplete") == 1


def test_with_600_versions_it_answers_at_once(models_dir: Path) -> None:
    first = make_package(models_dir)
    manifest = json.loads((first / "manifest.json").read_text())
    for number in range(2, 601):
        folder = shutil.copytree(first, first.with_name(str(number)), copy_function=os.link)
        (folder / "manifest.json").unlink()
        (folder / "manifest.json").write_text(json.dumps(manifest | {"version": number}))
    with listening(models_dir) as service:
        started = time.monotonic()
        client = httpx2.Client(
            base_url=service.url, transport=httpx2.HTTPTransport(retries=5), timeout=60
        )
        with client:
            assert client.get("/health/live").status_code == 200
            lived_s = time.monotonic() - started
            service.wait_until_ready()
            assert (
                client.post("/predict", content=coloured("red")).json()["model"]["version"] == 600
            )
    assert lived_s < 4  # 0.3 on an idle machine; 15 where each version lists all
