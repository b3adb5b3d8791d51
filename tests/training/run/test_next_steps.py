"""The lines with which a run ends: what to do with the model, and that requests must name one of several."""

from pathlib import Path

import pytest
from rich.console import Console

from tests.builders import make_package
from training.run.default_version import DefaultDecision
from training.run.next_steps import describe_next_steps
from training.runtime.progress import Display

pytestmark = pytest.mark.training


def said(published: Path, *, stays: bool = False) -> list[str]:
    display = Display(Console(record=True, quiet=False, width=400))
    describe_next_steps(published, DefaultDecision(serving=None, stays=stays), display)
    return display.console.export_text().splitlines()


def test_a_run_ends_with_the_report_and_the_commands_that_try_and_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    published = make_package(Path("models"), name="s1")
    assert said(published) == [
        "report: models/s1/1/report.html",
        "try it: python -m inference models/s1 photo.jpg",
        "serve it: python -m service",
    ]
    assert "models/s1/1 photo.jpg" in said(published, stays=True)[1]


def test_beside_another_model_requests_must_say_which(tmp_path: Path) -> None:
    make_package(tmp_path / "my models", name="s1")
    published = make_package(tmp_path / "my models", name="s2")
    (*_, serve) = said(published)
    assert serve.startswith(f"serve it: python -m service --models-dir '{tmp_path}/my models' (")
    assert (
        "holds 2 models now: ask for this one with ?model=s2, or set GRAFT_DEFAULT_MODEL=s2"
        in serve
    )
