"""The command over many images: rows in order, resumed runs, refusals. Killed and stopped as processes."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.__main__ import main
from tests.builders import coloured, make_package
from tests.inference.bulk.conftest import Predict, read_csv

ROOT = Path(__file__).parents[3]
_PATIENCE_S = 120


def test_each_image_has_its_row_in_order_and_a_bad_one_its_problem(
    predict: Predict, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "predictions.csv"
    assert predict(photos, "--out", out) == 1
    rows = read_csv(out)
    names = [f"{place}/{number}.png" for place in ("live", "기타") for number in range(5)]
    assert [row["path"] for row in rows] == [str(photos / name) for name in names]
    assert [row["label"] for row in rows] == [*["blue"] * 3, "", "blue", *["red"] * 5]
    assert rows[3]["problem"] == "PNG image is truncated or damaged; replace it with a sound copy"
    assert (rows[0]["probability"], rows[0]["rejected"]) == ("0.999836", "false")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "10 images in" in captured.err
    assert "1 with a problem, 0 rejected" in captured.err


def test_json_lines_have_what_predict_answers(
    predict: Predict, photos: Path, tmp_path: Path
) -> None:
    predict(photos / "live", "--out", tmp_path / "p.jsonl", "--top-k", 2)
    lines = (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()
    first, broken = json.loads(lines[0]), json.loads(lines[3])
    assert (first["label"], first["rejected"], len(first["top"])) == ("blue", False, 2)
    assert first["top"][0] == {"label": "blue", "probability": first["probability"]}
    assert set(broken) == {"path", "problem"}


def test_a_resumed_run_answers_what_is_new_and_nothing_twice(
    predict: Predict, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.csv"
    predict(photos, "--out", out, "--resume")  # nothing to go on with: it starts
    (photos / "a.png").write_bytes(coloured("green"))
    predict(photos, "--out", out, "--resume")
    rows = read_csv(out)
    assert len(rows) == len({row["path"] for row in rows}) == 11
    assert {row["path"]: row["label"] for row in rows}[str(photos / "a.png")] == "green"
    assert predict(photos, "--out", out) == 2
    assert "exists; add --resume" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_torn_row_is_answered_again(
    predict: Predict, photos: Path, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"p{suffix}"
    predict(photos, "--out", out)
    whole = out.read_bytes()
    torn = [whole[:length] for length in (0, 2, 40, len(whole) // 2, len(whole) - 1)]
    for left in (*torn, whole + b'"' + bytes(2000)):
        out.write_bytes(left)
        predict(photos, "--out", out, "--resume")
        assert out.read_bytes() == whole


def test_an_image_that_is_listed_twice_has_two_rows_also_when_resumed(
    predict: Predict, photos: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("photos/live/0.png\n" * 9, encoding="utf-8")
    out = tmp_path / "p.csv"
    predict(listed, "--out", out)
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:7]))
    predict(listed, "--out", out, "--resume")
    assert out.read_bytes() == b"".join(lines)


def test_rows_of_another_model_other_options_or_other_images_are_never_mixed(
    predict: Predict, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.csv"
    predict(photos, "--out", out)
    before = out.read_bytes()
    other = make_package(tmp_path / "models", activation_map=False)
    assert main([str(other), str(photos), "--out", str(out), "--resume"]) == 2
    assert "has rows of colours version 1 (sha256" in capsys.readouterr().err
    for changed, said in [
        ((photos, "--top-k", 1), "--top-k 3, not 1"),
        ((photos / "live",), "give the same images"),
        ((photos, "--probabilities"), "--probabilities no, not yes"),
    ]:
        assert predict(*changed, "--out", out, "--resume") == 2
        assert said in capsys.readouterr().err
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--resume"], "--resume needs --out"),
        (["--out", "p.xls"], "must end in .csv, .jsonl or .parquet"),
        (["--out", "p.csv", "--json"], "leave it or --out out"),
        (["--out", "p.csv", "--link"], "give that too"),
        (["--out", "p.csv", "--every", "1s"], "add --video"),
        (["--out", "p.csv", "--video", "--every", "1"], "write 500ms, 1s or 2m"),
        (["--out", "p.csv", "--sort-into", "{photos}/x"], "which is read"),
        (["--out", "{photos}/gone/p.csv"], "cannot be written"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_a_sentence(
    predict: Predict,
    photos: Path,
    options: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert predict(photos, *(option.format(photos=photos) for option in options)) == 2
    captured = capsys.readouterr().err
    assert said in captured
    assert captured.count("\n") == 1


def test_a_killed_run_is_resumed_to_the_rows_of_an_unbroken_one(
    predict: Predict, package_folder: Path, photos: Path, tmp_path: Path
) -> None:
    paths = [str(photos / "live" / f"{number % 5}.png") for number in range(150)]
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(paths), encoding="utf-8")
    predict(listed, "--out", tmp_path / "unbroken.csv")
    out = tmp_path / "p.csv"
    process = start(package_folder, out)
    assert process.stdin is not None
    process.stdin.write("".join(f"{path}\n" for path in paths[:120]).encode())
    process.stdin.flush()
    wait_until(lambda: out.exists() and out.read_bytes().count(b"\n") > 20)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=_PATIENCE_S)
    with out.open("ab") as torn:
        torn.write(b'"half of a ro')
    again = start(package_folder, out, "--resume")
    again.communicate("\n".join(paths).encode(), timeout=_PATIENCE_S)
    assert again.returncode == 1  # there are broken images
    assert out.read_bytes() == (tmp_path / "unbroken.csv").read_bytes()


def test_ctrl_c_ends_with_a_sentence_and_what_was_written_stays(
    package_folder: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "p.csv"
    process = start(package_folder, out)
    assert process.stdin is not None
    process.stdin.write(f"{photos}/live/0.png\n".encode() * 200)
    process.stdin.flush()
    wait_until(lambda: out.exists() and out.read_bytes().count(b"\n") > 20)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 130
    assert said.startswith(b"stopped after ")
    assert said.count(b"\n") == 1
    assert b"the same command with --resume goes on" in said
    rows = read_csv(out)
    assert len(rows) >= 20
    assert all(row["label"] == "blue" for row in rows)


def test_two_runs_into_one_file_are_kept_apart(
    predict: Predict, package_folder: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "p.csv"
    process = start(package_folder, out)
    try:
        wait_until(lambda: out.exists() and out.stat().st_size > 0)
        second = start(package_folder, out, "--resume")
        _, said = second.communicate(timeout=_PATIENCE_S)
        assert second.returncode == 2
        assert b"another run is writing" in said
    finally:
        process.communicate(timeout=_PATIENCE_S)


def start(package: Path, out: Path, *options: str) -> "subprocess.Popen[bytes]":
    """Start the command with the list that its standard input gets."""
    command = [sys.executable, "-m", "inference", str(package), "-", "--out", str(out), *options]
    # A shell has its background jobs, which the tests may be one of, ignore Ctrl-C.
    can_be_interrupted = ["env", "--default-signal=INT"]
    return subprocess.Popen(
        [*can_be_interrupted, *command, "--provider", "cpu"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look again and again until it is so."""
    give_up = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_files_that_are_known_and_not_read_are_counted_by_kind(
    predict: Predict, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.dcm", "live/b.dcm"):
        (photos / name).write_bytes(bytes(128) + b"DICM")
    (photos / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as members:
        for file in sorted(photos.rglob("*.*")):
            members.write(file, file.relative_to(photos))
    for given in (photos, archive):
        predict(given, "--out", tmp_path / f"{given.name}.csv")
        last = capsys.readouterr().err.splitlines()[-1]
        assert last == "2 DICOM files, 1 video are not read (--video answers frames of videos)"
    predict(photos)
    assert "2 DICOM files, 1 video are not read" in capsys.readouterr().err


def test_a_folder_without_images_ends_with_2_and_leaves_nothing_behind(
    predict: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.dcm").write_bytes(bytes(128) + b"DICM")
    for arguments in ([], ["--out", tmp_path / "p.csv", "--resume"]):
        assert predict(tmp_path / "scans", *arguments) == 2
        assert (
            f"no image in '{tmp_path}/scans'; 1 DICOM file is not read" in capsys.readouterr().err
        )
    assert [file.name for file in tmp_path.glob("p.csv*")] == []


def test_a_finished_run_that_is_resumed_says_so(
    predict: Predict, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict(photos / "기타", "--out", tmp_path / "p.csv")
    capsys.readouterr()
    assert predict(photos / "기타", "--out", tmp_path / "p.csv", "--resume") == 0
    assert "every image has its row already" in capsys.readouterr().err
