"""`python -m training.audit`: what it prints and writes, and its exit codes."""

import json
import shutil
from pathlib import Path

import pytest

from tests.training.conftest import SIDE_PX, TINY
from tests.training.folders import write_classes
from training.audit.__main__ import main

pytestmark = pytest.mark.training


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one leak and one broken file."""
    for seed, split in enumerate(("train", "test")):
        write_classes(tmp_path / "data" / split, ["cat", "dog"], count=5, seed=seed)
    data = tmp_path / "data"
    shutil.copy(data / "test" / "cat" / "image0.png", data / "train" / "cat" / "leak.png")
    (data / "train" / "dog" / "bad.jpg").write_bytes(b"")
    return data


def run(data: Path, weights: Path | str, *flags: str) -> int:
    """Run the command in this process on the tiny network."""
    network = ("--backbone", TINY, "--weights", str(weights), "--image-size", str(SIDE_PX))
    return main([str(data), *network, "--cache-dir", str(data.parent / "cache"), *flags])


def test_findings_are_printed_and_written_and_are_no_failure(
    folder: Path, weights_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.stat().st_mtime_ns for path in folder.rglob("*"))
    json_file, html_file = tmp_path / "audit.json", tmp_path / "audit.html"
    flags = ("--json", str(json_file), "--html", str(html_file))
    assert run(folder, weights_file, *flags) == 0
    out = capsys.readouterr().out
    assert "error: 1 photo is in more than one split" in out
    assert "train/cat/leak.png = test/cat/image0.png" in out
    found = json.loads(json_file.read_text(encoding="utf-8"))
    assert found["leakage"][0]["splits"] == ["train", "test"]
    assert [bad["path"] for bad in found["quarantined"]] == ["train/dog/bad.jpg"]
    assert "data:image/jpeg" in html_file.read_text(encoding="utf-8")
    assert sorted(path.stat().st_mtime_ns for path in folder.rglob("*")) == before


def test_without_weights_copies_are_still_found(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "none") == 0
    assert "error: 1 photo is in more than one split" in capsys.readouterr().out


def test_a_missing_folder_is_bad_input(
    tmp_path: Path, weights_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "none", weights_file) == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--json", "--html"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(
    flag: str, folder: Path, weights_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, weights_file, flag, str(folder / "nowhere" / "file")) == 2
    captured = capsys.readouterr()
    assert "cannot write" in captured.err
    assert captured.out == ""
