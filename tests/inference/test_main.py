"""The command line: what it prints and with which code it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.__main__ import main
from inference.manifest import Conformal
from inference.pinned import has_gpu
from inference.similar import IndexedImage, SimilarIndex, write_index
from tests.builders import coloured, encode, make_package
from tests.inference.test_precision import add_precision

ROOT = Path(__file__).parents[2]
SETS = Conformal(method="lac", coverage=0.9, threshold=0.3, images=50)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return a folder of images with names as people give them, and of what is no image."""
    folder = tmp_path / "images"
    (folder / "더 깊이").mkdir(parents=True)
    (folder / "기타.png").write_bytes(coloured("red"))
    (folder / "더 깊이" / "🎸 live.JPG").write_bytes(coloured("blue", image_format="JPEG"))
    (folder / "notes.txt").write_text("no image")
    (folder / "folder.png").mkdir()
    (folder / "@eaDir" / "기타.png").mkdir(parents=True)
    (folder / "@eaDir" / "기타.png" / "SYNOPHOTO_THUMB_M.jpg").write_bytes(coloured("red"))
    (folder / "._기타.png").write_bytes(coloured("red"))
    (folder / "loop").symlink_to(".")
    return folder


def run_json(arguments: list[Path], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    main([*map(str, arguments), "--json", "--provider", "cpu"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_a_table_names_each_file_and_its_labels(
    package_folder: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(package_folder), str(images), "--top-k", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{images / '기타.png'}")
    assert lines[0].endswith("  red 1.000  green 0.000")
    assert lines[1].startswith(f"{images / '더 깊이' / '🎸 live.JPG'}")
    assert "blue" in lines[1]


def test_a_set_is_shown_in_place_of_the_best_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = make_package(tmp_path / "models", conformal=SETS)
    image = tmp_path / "red.png"
    image.write_bytes(coloured("red"))
    assert main([str(package), str(image), "--set", "--provider", "cpu"]) == 0
    assert capsys.readouterr().out == f"{image}  red 1.000\n"
    (entry,) = run_json([package, image, Path("--set")], capsys)["predictions"]
    assert [label["label"] for label in entry["set"]] == ["red"]
    assert len(entry["top"]) == 3


def test_the_nearest_training_images_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embeddings = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0]], np.float32)
    listed = [IndexedImage(path=f"{label}/1.png", label=label) for label in ("red", "green", "x")]

    def with_index(folder: Path) -> None:
        write_index(folder, SimilarIndex.build(embeddings, listed))

    package = make_package(tmp_path / "models", after=with_index)
    image = tmp_path / "red.png"
    image.write_bytes(coloured("red"))
    assert main([str(package), str(image), "--top-k", "1", "--similar", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{image}  red 1.000", "    0.998  red/1.png", "    0.734  x/1.png"]
    (entry,) = run_json([package, image, Path("--similar=1")], capsys)["predictions"]
    (similar,) = entry["similar"]
    assert (similar["path"], similar["label"]) == ("red/1.png", "red")


def test_similar_images_that_the_package_does_not_have_are_refused(
    package_folder: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in (package_folder, package_folder / "model.onnx"):
        assert main([str(package), str(images), "--similar", "3"]) == 2
        assert "no index of its training images" in capsys.readouterr().err


def test_sets_that_the_model_does_not_have_are_refused(
    package_folder: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(package_folder), str(images), "--set"]) == 2
    assert "no prediction sets; train it with --coverage" in capsys.readouterr().err


def test_a_rejected_image_is_told_with_the_reason(
    package_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "dark.png"
    image.write_bytes(encode(Image.new("RGB", (20, 20), (100, 20, 20))))
    assert main([str(package_folder), str(image), "--top-k", "1"]) == 0
    reason = "unlike the training images: its likeness to them is 3.92, below the limit of 6.00"
    assert capsys.readouterr().out.endswith(f"  ({reason})\n")
    (entry,) = run_json([package_folder, image], capsys)["predictions"]
    assert (entry["rejected"], entry["rejected_reason"]) == (True, reason)


def test_json_is_what_predict_answers(
    package_folder: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_json([package_folder, images], capsys)
    assert answer["model"] == {"name": "colours", "version": 1}
    first, second = answer["predictions"]
    assert first["index"] == 0
    assert first["filename"] == str(images / "기타.png")
    assert first["label"] == "red"
    assert first["rejected"] is False
    assert [entry["label"] for entry in first["top"]] == ["red", "green", "blue"]
    assert first["top"][0]["probability"] == first["probability"]
    assert (second["index"], second["label"]) == (1, "blue")


def test_a_model_folder_means_stable_or_the_latest_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "red.png"
    image.write_bytes(coloured("red"))
    make_package(tmp_path / "models")
    model = make_package(tmp_path / "models").parent
    assert run_json([model, image], capsys)["model"]["version"] == 2
    (model / "aliases.json").write_text('{"stable": 1}')
    assert run_json([model, image], capsys)["model"]["version"] == 1
    assert run_json([model / "2", image], capsys)["model"]["version"] == 2
    assert run_json([model / "2" / "model.onnx", image], capsys)["model"]["version"] == 2


def test_an_image_that_fails_carries_its_problem_and_the_code_is_1(
    package_folder: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (images / "broken.png").write_bytes(coloured("red")[:-30])
    assert main([str(package_folder), str(images)]) == 1
    broken = capsys.readouterr().out.splitlines()[0]
    assert "problem: PNG image is truncated or damaged" in broken

    problem, fine, _ = run_json([package_folder, images], capsys)["predictions"]
    assert set(problem) == {"index", "filename", "problem"}
    assert fine["label"] == "red"


def test_a_file_that_is_named_is_tried_whatever_its_suffix(
    package_folder: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(package_folder), str(images / "notes.txt")]) == 1
    assert "a text file" in capsys.readouterr().out


def test_an_archive_is_told_the_option_that_answers_its_images(
    package_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.zip").write_bytes(b"PK\3\4" + bytes(60))
    assert main([str(package_folder), str(tmp_path / "other.zip")]) == 1
    assert "images in a ZIP archive add --out predictions.csv" in capsys.readouterr().err


def test_control_characters_of_a_name_stay_off_the_terminal(
    package_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "a\nb\x1b[31m.png"
    image.write_bytes(coloured("red"))
    assert main([str(package_folder), str(image)]) == 0
    out = capsys.readouterr().out
    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m.png" in out
    assert out.count("\n") == 1
    assert run_json([package_folder, image], capsys)["predictions"][0]["filename"] == str(image)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_name_that_is_no_unicode_and_a_terminal_that_knows_none_stop_nothing(
    package_folder: Path, tmp_path: Path, as_json: bool
) -> None:
    image = os.fsencode(tmp_path) + b"/caf\xe9 \xea\xb8\xb0.png"
    Path(os.fsdecode(image)).write_bytes(coloured("red"))
    result = subprocess.run(
        [sys.executable, "-m", "inference", package_folder, image, *["--json"] * as_json],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    if as_json:
        (prediction,) = json.loads(result.stdout)["predictions"]
        assert os.fsencode(prediction["filename"]) == image
    else:
        assert b"caf? ?.png  red" in result.stdout or b"caf? ???.png  red" in result.stdout


def test_an_empty_folder_ends_with_2(
    package_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([], ["--json"]):
        assert main([str(package_folder), str(tmp_path), *arguments]) == 2
        assert f"error: no image in '{tmp_path}'; give a folder" in capsys.readouterr().err


def test_what_cannot_be_used_ends_with_2_and_a_reason(
    package_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "red.png"
    image.write_bytes(coloured("red"))
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"\x08\x07junk")
    (tmp_path / "shoes").mkdir()
    for arguments, reason in [
        ([tmp_path / "gone", image], "no package at"),
        ([tmp_path / "shoes", image], "no package at"),
        ([junk, image], "cannot load the model"),
        ([package_folder, tmp_path / "gone.png"], "no file or folder"),
        ([package_folder, Path(os.devnull)], "neither a file nor a folder"),
    ]:
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("error: ")
        assert reason in captured.err
        assert captured.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["x"], ["x", "y", "--top-k", "0"], ["x", "y", "--new"]])
def test_arguments_that_do_not_fit_end_with_2(arguments: list[str]) -> None:
    assert main(arguments) == 2


@pytest.mark.parametrize("option", ["--top-k", "--similar", "--workers"])
@pytest.mark.parametrize("given", ["many", "0", "1.5"])
def test_a_number_that_is_none_is_named_with_its_option(
    capsys: pytest.CaptureFixture[str], option: str, given: str
) -> None:
    assert main(["x", "y", "--out", "rows.csv", option, given]) == 2
    said = f"error: argument {option}: must be a whole number of 1 or more, got {given!r}\n"
    assert capsys.readouterr().err == said


def test_the_precision_that_answers_is_said_where_there_are_several(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = add_precision(make_package(tmp_path / "models"), "int8")
    assert main([str(package), str(images), "--precision", "INT8", "--provider", "cpu"]) == 0
    said = "colours version 1 in int8 by ONNX Runtime (CPU): asked for\n"
    assert capsys.readouterr().err.startswith(said)


def test_a_precision_that_is_never_run_here_names_those_that_are(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = add_precision(make_package(tmp_path / "models"), "int8")
    arguments = [str(package), str(images), "--precision", "int8", "--provider", "openvino"]
    assert main(arguments) == 2
    assert capsys.readouterr().err.rstrip().endswith("; ask for fp32")


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_gpu_that_is_not_there_is_refused_in_one_line(
    package_folder: Path, images: Path, capfd: pytest.CaptureFixture[str], provider: str
) -> None:
    if has_gpu():
        return
    assert main([str(package_folder), str(images), "--provider", provider]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"error: the provider is {provider!r}, but no NVIDIA driver")


def test_the_largest_image_may_be_set(
    package_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "red.png"
    image.write_bytes(coloured("red"))
    for more in ([], ["--out", str(tmp_path / "rows.csv")]):
        assert main([str(package_folder), str(image), "--max-pixels", "9", *more]) == 1
    assert " px, limit is " in capsys.readouterr().out
    assert " px, limit is " in (tmp_path / "rows.csv").read_text("utf-8-sig")
    assert main([str(package_folder), str(image), "--max-pixels", "0"]) == 2


def test_it_runs_as_a_module(package_folder: Path, images: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "inference", package_folder, images / "기타.png"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert "기타.png  red 1.000" in result.stdout
    assert result.stderr == ""


def test_a_mistyped_file_is_told_the_nearest(
    package_folder: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(package_folder), str(images / "기티.png")]) == 2
    assert f"did you mean {str(images / '기타.png')!r}?" in capsys.readouterr().err
