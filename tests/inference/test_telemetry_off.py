"""Nothing that is started here reports to its makers: no device id, no queue of events, no call."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from inference.telemetry_off import turn_off_telemetry
from tests.bare_process import ROOT, Bare, bare
from tests.builders import coloured, make_package
from tests.service.service_process import running


def run(started: Bare, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=started.environment,
        check=True,
        timeout=120,
        capture_output=True,
    )


def test_onnxruntime_by_itself_reports(tmp_path: Path) -> None:
    """What the other tests look for is there. Once it is not, `inference/telemetry_off.py` may go."""
    with bare(tmp_path / "home") as started:
        run(started, "-c", "import onnxruntime")
    assert any(file.endswith("deviceid") for file in started.files())


def test_the_command_line_reports_nothing(models_dir: Path, tmp_path: Path) -> None:
    package = make_package(models_dir)
    image = tmp_path / "red.png"
    image.write_bytes(coloured("red"))
    with bare(tmp_path / "home") as started:
        run(started, "-m", "inference", str(package), str(image))
    assert (started.files(), started.calls) == ([], [])


def test_the_service_and_its_workers_report_nothing(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_package(models_dir)
    with bare(tmp_path / "home") as started, monkeypatch.context() as patched:
        for name in os.environ:
            patched.delenv(name)
        for name, value in started.environment.items():
            patched.setenv(name, value)
        with running(models_dir, GRAFT_WORKERS="2", GRAFT_TUNE_S="0") as service:
            answer = httpx2.post(f"{service.url}/predict", content=coloured("red"))
            assert answer.status_code == 200
            assert service.stop() == 0
    assert (started.files(), started.calls) == ([], [])


def test_whoever_wants_to_report_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "")
    turn_off_telemetry()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
