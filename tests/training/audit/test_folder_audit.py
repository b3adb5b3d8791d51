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


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("error", 1), ("warning", 1)])
def test_a_pipeline_can_be_guarded(
    folder: Path, fail_on: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "none", "--fail-on", fail_on) == code
    shutil.rmtree(folder)
    capsys.readouterr()
    write_classes(folder, ["cat", "dog"], count=21)
    assert run(folder, "none", "--fail-on", "error") == 0


def test_what_stops_a_run_is_reported_with_all_the_rest(folder: Path, tmp_path: Path) -> None:
    """An empty class, an unreadable one and one of a single image do not hide the leak."""
    for split in ("train", "test"):
        (folder / split / "empty").mkdir()
        write_classes(folder / split, ["owl"], count=1, seed=9 if split == "train" else 8)
    json_file, html_file = tmp_path / "audit.json", tmp_path / "audit.html"
    assert run(folder, "none", "--json", str(json_file), "--html", str(html_file)) == 0
    found = json.loads(json_file.read_text(encoding="utf-8"))
    small = next(f for f in found["findings"] if f["kind"] == "empty_or_small_classes")
    assert small["severity"] == "error"
    assert "'empty' in train/ (no images)" in small["message"]
    assert "'owl' in train/ (1 image)" in small["message"]
    assert "--min-images 2" in small["next_step"]
    assert {"leakage", "quarantined"} <= {f["kind"] for f in found["findings"]}
    page = html_file.read_text(encoding="utf-8")
    assert "train/owl/image0.png" in page
    assert "--min-images 2" in page


def test_a_folder_without_an_image_is_reported_and_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("ill", "well"):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "1.dcm").write_bytes(bytes(128) + b"DICM" + bytes(90))
    json_file = tmp_path / "audit.json"
    assert (
        run(tmp_path / "data", "none", "--json", str(json_file), "--html", str(tmp_path / "a.html"))
        == 2
    )
    assert "2 DICOM files" in capsys.readouterr().err
    found = json.loads(json_file.read_text(encoding="utf-8"))
    assert [f["kind"] for f in found["findings"]][:1] == ["no_classes"]
    assert (tmp_path / "a.html").exists()
