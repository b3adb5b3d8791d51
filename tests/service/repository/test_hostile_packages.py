"""Packages of strangers beside a good one, against a real process: each is shown as failed, no more."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests import hostile_models
from tests.builders import LABELS, coloured, encode, make_package, replace_model
from tests.inference.hostile_files import put_in_place
from tests.service.attack_cost import measured
from tests.service.service_process import Process, eventually, running

RED = coloured("red")
ADMIN = {"Authorization": "Bearer admin-key-123"}
QUICK = {
    "GRAFT_ADMIN_KEYS": "admin-key-123",
    "GRAFT_POLL_INTERVAL_S": "0.1",
    "GRAFT_TUNE_S": "0",
    "GRAFT_TRIAL_CPU_S": "1",
    "GRAFT_TRIAL_MEMORY_MB": "600",
    "GRAFT_DEFAULT_MODEL": "good",
}
# Trials end by themselves, however busy the machine is.
PATIENT = {**QUICK, "GRAFT_TRIAL_CPU_S": "600"}


def manifest_with(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "manifest.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return change


def model_of(data: bytes) -> Callable[[Path], None]:
    return lambda folder: replace_model(folder, data)


def replaced_by(name: str, kind: str) -> Callable[[Path], None]:
    return lambda folder: put_in_place(folder / name, kind)


def claims_an_exabyte(folder: Path) -> None:
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["files"]["fp32"]["bytes"] = 10**18
    file.write_text(json.dumps(manifest))


def many_golden_images(folder: Path) -> None:
    file = folder / "golden" / "expected.json"
    (entry, *_) = json.loads(file.read_text())["images"]
    file.write_text(json.dumps({"images": [entry] * 300_000}))


# What is done to a package, and a part of what is then said of it.
HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "endless": (model_of(hostile_models.endless()), "given up"),
    "hungry": (model_of(hostile_models.hungry(2**34)), "more than 600 MiB of memory"),
    "labels": (manifest_with(labels=LABELS[:2]), "1 images of 2 labels"),
    "one-row": (model_of(hostile_models.one_row()), "2 images of 3 labels with logits of shape"),
    "scalar": (model_of(hostile_models.scalar("logits")), "logits of shape"),
    "nan": (model_of(hostile_models.not_a_number("embedding")), "NaN or infinity in embedding"),
    "lacking": (model_of(hostile_models.without("embedding")), "lacks"),
    "rows": (manifest_with(outputs={"rows": {}}), "outputs names ['rows']"),
    "surrogate": (manifest_with(created="\ud800"), "half of a character"),
    "exabyte": (claims_an_exabyte, "bytes must be"),
    "keys": (manifest_with(**dict.fromkeys(map(str, range(200_000)), 1)), "unknown keys"),
    "golden": (many_golden_images, "golden/expected.json"),
    **{
        f"{kind.replace(' ', '-')}-{name.replace('/', '-')}": (replaced_by(name, kind), "")
        for name in ("model.onnx", "golden/00.png")
        for kind in ("a pipe", "a folder", f"{300 * 2**20} bytes")
    },
}


def publish(models_dir: Path, name: str, make_hostile: Callable[[Path], None]) -> None:
    """Publish a package and change it then: publishing itself would wait for a pipe."""
    make_hostile(make_package(models_dir, name=name))


def models(service: Process) -> dict[str, dict[str, Any]]:
    answer = httpx2.get(f"{service.url}/models", timeout=60)
    assert answer.status_code == 200
    return {model["name"]: model for model in answer.json()["models"]}


def answers(service: Process, name: str) -> bool:
    path = f"/models/{name}/predict"
    return httpx2.post(service.url + path, content=RED, timeout=60).status_code == 200


def test_each_is_shown_as_failed_and_the_good_one_answers(models_dir: Path) -> None:
    make_package(models_dir, name="good")
    for name, (make_hostile, _) in HOSTILE.items():
        publish(models_dir, name, make_hostile)
    with running(models_dir, **QUICK) as service:
        with measured(service, good_image=RED, rests_within_s=60) as cost:
            # Some are tried again, and are loading then; on a busy machine the clock may end a try first.
            shown: dict[str, str] = {}

            def all_have_failed() -> bool:
                for name, model in models(service).items():
                    if model["versions"][-1]["state"] == "failed":
                        shown[name] = model["versions"][-1]["problem"]
                return shown.keys() >= HOSTILE.keys() and all(
                    said in shown[name] for name, (_, said) in HOSTILE.items()
                )

            eventually(all_have_failed, lambda: f"{shown}\n{service.log[-3000:]}", within_s=240)
        assert max(len(shown[name]) for name in HOSTILE) < 500
        assert set(cost.good_statuses) == {200}
        # The service, a few trials of it, and nothing of what the packages would take.
        assert cost.memory_mb < 2500
        assert cost.slowest_live_s < 5
        refreshed = httpx2.post(f"{service.url}/models/refresh", headers=ADMIN, timeout=120)
        assert refreshed.status_code == 200
        assert service.stop() == 0
    assert "Traceback" not in service.log


def test_what_never_ends_holds_up_neither_others_nor_the_end(models_dir: Path) -> None:
    make_package(models_dir, name="good")
    for number in range(3):
        publish(models_dir, f"endless-{number}", HOSTILE["endless"][0])
    with running(models_dir, **PATIENT) as service:
        make_package(models_dir, name="late")
        eventually(lambda: "late" in models(service), lambda: service.log[-3000:])
        eventually(lambda: answers(service, "late"), lambda: service.log[-3000:])
        make_package(models_dir, name="endless-0")
        eventually(
            lambda: models(service)["endless-0"]["serving"] == 2, lambda: service.log[-3000:]
        )
        put = httpx2.put(
            f"{service.url}/models/good/aliases/stable",
            json={"version": 1},
            headers=ADMIN,
            timeout=20,
        )
        assert put.status_code == 200
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 15


def test_a_model_whose_newest_version_never_ends_answers_with_the_one_before(
    models_dir: Path,
) -> None:
    make_package(models_dir, name="good")
    publish(models_dir, "good", HOSTILE["endless"][0])
    with running(models_dir, **PATIENT) as service:
        assert models(service)["good"]["serving"] == 1


def test_a_run_that_never_ends_is_ended_and_leaves_the_model_in_service(models_dir: Path) -> None:
    white = encode(Image.new("RGB", (24, 20), (255, 255, 255)))
    publish(models_dir, "good", model_of(hostile_models.endless_for(254)))
    with running(models_dir, GRAFT_REQUEST_TIMEOUT_S="1", **PATIENT) as service:
        with measured(service, rests_within_s=60):
            for _ in range(6):
                late = httpx2.post(f"{service.url}/predict", content=white, timeout=60)
                assert late.status_code in (500, 503, 504)
        assert answers(service, "good")


@pytest.mark.parametrize("name", ["report.html", "metrics.json"])
def test_a_report_that_is_none_is_no_report_and_holds_no_thread(
    models_dir: Path, name: str
) -> None:
    publish(models_dir, "good", lambda folder: put_in_place(folder / name, "a pipe"))
    with running(models_dir, **PATIENT) as service, httpx2.Client(base_url=service.url) as client:
        statuses = {
            client.get("/models/good/versions/1/report", timeout=5).status_code for _ in range(20)
        }
        assert statuses == ({404} if name == "report.html" else {200})
