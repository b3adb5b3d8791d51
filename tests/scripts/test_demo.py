"""The demo's own parts, with the real service on a tiny model; `make demo` runs the whole."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from scripts.children import Children
from scripts.demo import NAME, Answer, DemoError, ask, next_steps, report, serve, train
from tests.builders import LABELS, coloured, make_package

pytestmark = pytest.mark.training  # the demo trains, so it asks for what training needs
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as started:
        yield started


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """One image of each colour, in a folder named after it."""
    paths = [tmp_path / "test" / label / "1.png" for label in LABELS]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_bytes(coloured(path.parent.name))
    return paths


def test_the_service_starts_and_answers_each_image(
    children: Children, tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFT_API_KEYS", "a-key-of-the-user")  # must not reach the demo's service
    make_package(tmp_path / "models", name=NAME)
    url = serve(children, tmp_path / "models", tmp_path / "service.log")
    with httpx2.Client(base_url=url, trust_env=False) as client:
        answers = ask(client, files, version=1)
    assert [answer.label for answer in answers] == list(LABELS)
    assert [answer.truth for answer in answers] == list(LABELS)


def test_a_refused_image_ends_the_demo_with_the_reason(children: Children, tmp_path: Path) -> None:
    make_package(tmp_path / "models", name=NAME)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    url = serve(children, tmp_path / "models", tmp_path / "service.log")
    with (
        httpx2.Client(base_url=url, trust_env=False) as client,
        pytest.raises(DemoError, match="answered 4"),
    ):
        ask(client, [broken], version=1)


def test_a_service_that_ends_is_told_with_its_log(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.demo.free_port", lambda: 99999)
    with pytest.raises(DemoError, match=r"exit code 2; see .*service\.log"):
        serve(children, tmp_path, tmp_path / "service.log")


def test_training_that_fails_ends_the_demo(children: Children, tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="training ended with exit code 2"):
        train(children, tmp_path / "missing", tmp_path / "models")


def test_sigterm_during_training_leaves_nothing(tmp_path: Path) -> None:
    data, models = tmp_path / "data", tmp_path / "models"
    demo = subprocess.Popen(
        [sys.executable, "-m", "scripts.demo", "--data-dir", data, "--models-dir", models],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    while "backbone timm/" not in demo.stdout.readline():
        assert demo.poll() is None
    demo.send_signal(signal.SIGTERM)
    _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "nothing is left running" in errors
    assert not [path for path in models.rglob("*") if path.is_file()]
    assert command_lines_with(str(models)) == []


def command_lines_with(text: str) -> list[str]:
    """Return the command lines of the living processes that name `text`."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it ended while we looked
            continue
        if text in line:
            found.append(line)
    return found


def test_the_report_counts_the_right_answers() -> None:
    labels = ["1", "1", "7", "1"]
    answers = [
        Answer(file=Path(f"{i}.png"), truth="1", label=label, probability=0.9)
        for i, label in enumerate(labels)
    ]
    assert report(answers).endswith("3 of 4 are right: accuracy 75.0%")


def test_the_next_steps_name_an_image_as_seen_from_the_root() -> None:
    steps = next_steps(ROOT / "demo-data" / "digits" / "test" / "0" / "0010.png")
    assert "--data-binary @demo-data/digits/test/0/0010.png" in steps
