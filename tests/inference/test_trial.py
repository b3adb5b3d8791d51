"""A package that never ends, takes all memory or crashes does so in a process that is given up."""

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from inference.errors import DigestMismatch, PackageError, TrialFailed
from inference.package import Package, read_package
from inference.trial import TrialLimits, Trials
from tests import hostile_models
from tests.builders import LABELS, make_package, replace_model
from tests.inference.hostile_files import put_in_place

LIMITS = TrialLimits(cpu_s=5, memory_bytes=600 * 2**20)


def package(models_dir: Path, model: bytes | None = None) -> Package:
    folder = make_package(models_dir)
    if model is not None:
        replace_model(folder, model)
    return read_package(folder)


def tried(package: Package, trials: Trials | None = None, *, same_answers: bool = True) -> None:
    (trials or Trials(LIMITS)).run(
        package, "fp32", max_batch=4, threads=1, same_answers=same_answers
    )


def children() -> set[str]:
    found: set[str] = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found.update((thread / "children").read_text().split())
    return found


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() == before


def test_a_sound_package_comes_through(tmp_path: Path) -> None:
    tried(package(tmp_path))


def test_a_loop_without_an_end_is_given_up(tmp_path: Path) -> None:
    trials = Trials(TrialLimits(cpu_s=1, memory_bytes=LIMITS.memory_bytes))
    with pytest.raises(
        TrialFailed, match=r"took (more than 1 s of a core|longer than 5 s); it was given up"
    ):
        tried(package(tmp_path, hostile_models.endless()), trials)


@pytest.mark.parametrize("num_bytes", [2**31, hostile_models.BEYOND_ANY_MACHINE_BYTES])
def test_memory_without_an_end_is_not_given(tmp_path: Path, num_bytes: int) -> None:
    with pytest.raises(TrialFailed, match="the model needs more than 600 MiB of memory"):
        tried(package(tmp_path, hostile_models.hungry(num_bytes)))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (hostile_models.one_row(), r"logits of shape \(1, 3\)"),
        (hostile_models.not_a_number("embedding"), "NaN or infinity in embedding"),
        (hostile_models.not_a_number("activation_map"), "NaN or infinity in activation_map"),
        (b"no model", "cannot load the model"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, model: bytes, message: str) -> None:
    with pytest.raises(PackageError, match=message):
        tried(package(tmp_path, model))


def test_labels_that_are_not_those_of_the_outputs_are_noticed(tmp_path: Path) -> None:
    folder = make_package(tmp_path)
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    file.write_text(json.dumps({**manifest, "labels": [*LABELS, "violet"]}))
    with pytest.raises(PackageError, match="4 labels"):
        tried(read_package(folder))


def test_answers_of_other_hardware_may_differ_a_little_and_are_not_compared(tmp_path: Path) -> None:
    folder = make_package(tmp_path)
    expected = folder / "golden" / "expected.json"
    expected.write_text(expected.read_text().replace("0.99", "0.01"))
    with pytest.raises(PackageError, match="a probability differs"):
        tried(read_package(folder))
    tried(read_package(folder), same_answers=False)


def test_a_file_of_another_size_is_not_even_tried(tmp_path: Path) -> None:
    found = package(tmp_path)
    put_in_place(found.path / "model.onnx", f"{300 * 2**20} bytes")
    with pytest.raises(DigestMismatch, match=r"model\.onnx has 314572800 bytes"):
        tried(found)


def test_a_package_that_was_changed_since_it_was_read_fails(tmp_path: Path) -> None:
    found = package(tmp_path)
    replace_model(found.path, hostile_models.one_row())
    with pytest.raises(PackageError):
        tried(found)


def test_what_ends_the_process_is_a_failed_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = tmp_path / "crash"
    crash.mkdir()
    (crash / "onnxruntime.py").write_text("import os\nos.abort()\n")
    found = package(tmp_path)
    monkeypatch.syspath_prepend(str(crash))
    with pytest.raises(TrialFailed, match=r"ended the process that tried it \(signal 6\)"):
        tried(found)


def test_trials_in_progress_end_when_they_are_closed(tmp_path: Path) -> None:
    trials, found = Trials(LIMITS), package(tmp_path, hostile_models.endless())
    errors: list[Exception] = []

    def run() -> None:
        try:
            tried(found, trials)
        except TrialFailed as err:
            errors.append(err)

    before = children()
    thread = threading.Thread(target=run)
    thread.start()
    while children() == before:
        assert thread.is_alive()
    trials.close()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert len(errors) == 1
    with pytest.raises(TrialFailed, match="being ended"):
        tried(found, trials)


ASK_AND_DIE = """
import os, sys, threading, time
from pathlib import Path
from inference.package import read_package
from inference.trial import TrialLimits, Trials

trials = Trials(TrialLimits(cpu_s=60, memory_bytes=2**30))
run = lambda: trials.run(read_package(Path(sys.argv[1])), "fp32", max_batch=1, threads=1, same_answers=True)
threading.Thread(target=run, daemon=True).start()
while not (children := Path(f"/proc/self/task/{os.getpid()}/children").read_text() or "".join(
    (task / "children").read_text() for task in Path("/proc/self/task").iterdir()
)):
    pass
print(children, flush=True)
sys.stdin.read()
os.kill(os.getpid(), 9)
"""


def test_a_trial_ends_when_its_asker_was_killed(tmp_path: Path) -> None:
    found = package(tmp_path, hostile_models.endless())
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", ASK_AND_DIE, str(found.path)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as asker:
        assert asker.stdout is not None
        child = int(asker.stdout.readline())
        pid = os.pidfd_open(child)
        asker.kill()
    assert select.select([pid], [], [], 30)[0], "the trial goes on"
    os.close(pid)
