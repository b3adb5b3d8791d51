"""The command that judges a published model by another folder."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest

from tests.builders import coloured, encode, make_package
from tests.training.audit.photos import photo, write_photos
from tests.training.report.reports import tags
from training.data.split import SPLIT_FILE, write_frozen
from training.evaluate import main

pytestmark = pytest.mark.training


@pytest.fixture
def package(models_dir: Path) -> Path:
    """Return a package of the model that tells red, green and blue apart."""
    return make_package(models_dir)


def write_images(folder: Path, colour: str, count: int) -> None:
    """Write `count` different images of one colour."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        (folder / f"{i}.png").write_bytes(coloured(colour, (24 + i, 20)))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return ten red images, ten green ones, and five blue ones that lie among the green."""
    root = tmp_path / "others"
    write_images(root / "red", "red", 10)
    write_images(root / "green", "green", 10)
    write_images(root / "green" / "by mistake", "blue", 5)
    return root


def test_the_figures_are_those_of_the_folder(
    package: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    assert main([str(package), str(data), "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert "colours 1: accuracy 80.0 % (n=25, 95 % interval 60.9 to 91.1)" in out
    assert "no images of: blue" in out
    assert "when it was trained: test accuracy 100.0 % (n=6" in out
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["metrics"]["accuracy"] == 0.8
    assert found["metrics"]["balanced_accuracy"] == pytest.approx((1 + 10 / 15) / 2)
    assert found["labels"] == ["red", "green", "blue"]
    assert found["confusion"] == [[10, 0, 0], [0, 10, 5], [0, 0, 0]]
    assert found["missing_classes"] == ["blue"]
    assert [m["path"] for m in found["mistakes"]] == [f"green/by mistake/{i}.png" for i in range(5)]
    assert {(m["label"], m["answer"]) for m in found["mistakes"]} == {("green", "blue")}


def test_the_report_shows_the_folders_mistakes_and_needs_no_other_file(
    package: Path, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "evaluation.html"
    assert main([str(package), str(data), "--out", str(file)]) == 0
    page = file.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "Right on 80.0 % of 25 images." in page
    assert "No images here of: blue." in page
    assert "green/by mistake/0.png" in page
    assert "is <strong>green</strong>, predicted as <strong>blue</strong>" in page
    for tag, attributes in tags(page):
        assert tag not in ("script", "link", "iframe")
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")


def test_images_of_no_class_are_counted_apart_and_ought_to_be_rejected(
    package: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model rejects what has no logit of 6: grey has 5 at most."""
    (data / "_unknown").mkdir()
    for i, grey in enumerate((10, 60, 120)):
        content = encode(Image.new("RGB", (20, 20), (grey, grey, grey)))
        (data / "_unknown" / f"{i}.png").write_bytes(content)
    file = tmp_path / "figures.json"
    assert main([str(package), str(data), "--json", str(file)]) == 0
    assert "0 of 25, and 3 of the 3 in _unknown" in capsys.readouterr().out
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["metrics"]["images"] == 25
    assert found["rejected"] == {"known": 0.0, "unknown": 1.0, "unknown_images": 3}


def test_files_that_cannot_be_read_are_left_out_by_name(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "red" / "broken.png").write_bytes(coloured("red")[:40])
    assert main([str(package), str(data)]) == 0
    out = capsys.readouterr().out
    assert "warning: skipping 'red/broken.png'" in out
    assert "80.0 % (n=25" in out


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("yellow", "folder 'yellow' is no class of the model; it knows 'red', 'green', 'blue'"),
        ("test", "has splits; give the folder of one"),
    ],
)
def test_a_folder_that_the_model_does_not_know_is_named(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, says: str
) -> None:
    write_images(tmp_path / "data" / folder, "red", 1)
    assert main([str(package), str(tmp_path / "data")]) == 2
    assert says in capsys.readouterr().err


def test_every_unknown_folder_is_named_and_the_class_that_was_meant(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("Red", "green", "yellow"):
        write_images(tmp_path / "data" / folder, "red", 1)
    assert main([str(package), str(tmp_path / "data")]) == 2
    err = capsys.readouterr().err
    assert "folders 'Red', 'yellow' are no classes of the model" in err
    assert "'Red' is probably 'red'." in err


def test_what_the_folder_check_finds_is_shown_as_in_a_run(
    package: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "red" / "scan.dcm").write_bytes(bytes(128) + b"DICM")
    write_images(data, "red", 1)
    file, page = tmp_path / "figures.json", tmp_path / "page.html"
    assert main([str(package), str(data), "--json", str(file), "--out", str(page)]) == 0
    out = capsys.readouterr().out
    assert "warning: 1 picture of kinds that are not read, left out: 'red': 1 DICOM file" in out
    found = {f["kind"]: f for f in json.loads(file.read_text(encoding="utf-8"))["findings"]}
    assert {"unread_pictures", "loose_images"} <= set(found)
    assert "1 DICOM file" in page.read_text(encoding="utf-8")


def test_lines_of_a_labels_file_that_fit_no_image_are_said_and_none_that_fits_stops(
    package: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "l.csv"
    table.write_text("file_name,label\nred/0.png,red\nred/0.png,red\nC:\\gone\\x.png,red\n")
    assert main([str(package), str(data), "--labels", str(table)]) == 0
    out = capsys.readouterr().out
    assert "1 line of l.csv fits no image of the folder: line 4 (such as 'C:\\gone\\x.png')" in out
    assert "1 line that name an image again: line 3" in out or "names an image again: line 3" in out
    table.write_text("file_name,label\nC:\\p\\x.png,red\ny.png,green\n")
    assert main([str(package), str(data), "--labels", str(table)]) == 2
    assert (
        f"none of the 2 lines of l.csv fits an image of '{data}'; the first is 'C:\\p\\x.png'; "
        "file_name must be a path below that folder, such as '"
    ) in capsys.readouterr().err


def test_a_folder_without_a_readable_image_evaluates_nothing(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data" / "red").mkdir(parents=True)
    assert main([str(package), str(tmp_path / "data")]) == 2
    assert "there is nothing to evaluate on" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told_before_the_work(
    package: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(package), str(data), "--out", str(tmp_path / "missing" / "x.html")]) == 2
    captured = capsys.readouterr()
    assert "cannot write" in captured.err
    assert captured.out == ""


def test_a_model_by_its_name_alone_is_the_version_that_the_service_answers_with(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    confused = np.eye(3)[[1, 0, 2]] * 10
    make_package(package.parents[1], weight=confused)
    assert main([str(package.parent), str(data)]) == 0
    assert "colours 2: accuracy 0.0 % (n=25" in capsys.readouterr().out


def test_a_model_file_alone_can_be_evaluated(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(package / "model.onnx"), str(data)]) == 0
    assert "colours 1: accuracy 80.0 %" in capsys.readouterr().out


def split_of(package: Path, parts: dict[Path, str]) -> None:
    """Write which files the package was made from, as a run does."""
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest(): part for path, part in parts.items()}
    write_frozen(package / SPLIT_FILE, hashes, ())


def test_images_that_the_model_was_trained_on_are_left_out_by_their_content(
    package: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten red images are known under other names, two of them as test images, which may be used again."""
    known = sorted((data / "red").iterdir())
    parts = dict.fromkeys(known[2:9], "train") | {
        known[9]: "val",
        known[0]: "test",
        known[1]: "test",
    }
    split_of(package, parts)
    for number, path in enumerate(known):
        path.rename(path.with_name(f"renamed {number}.png"))
    file, page = tmp_path / "figures.json", tmp_path / "page.html"
    assert main([str(package), str(data), "--json", str(file), "--out", str(page)]) == 0
    out = capsys.readouterr().out
    assert "warning: 8 of the 25 images were used for training and are left out" in out
    # Of 17 the five blue ones are called green.
    assert f"accuracy {100 * 12 / 17:.1f} % (n=17, " in out
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["trained_on"] == [f"red/renamed {i}.png" for i in range(2, 10)]
    assert "8 of the 25 images were used for training" in page.read_text(encoding="utf-8")


def test_a_folder_of_nothing_but_training_images_evaluates_nothing(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split_of(package, dict.fromkeys(data.rglob("*.png"), "0"))
    for given in (package, package / "model.onnx"):
        assert main([str(given), str(data)]) == 2
        assert "all 25 images" in (err := capsys.readouterr().err)
        assert "Give images that the model has not seen" in err


def test_a_split_beside_another_model_file_is_not_taken_for_its_own(
    package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split_of(package, dict.fromkeys(data.rglob("*.png"), "0"))
    other = make_package(package.parents[1] / "others", weight=np.eye(3)[[1, 0, 2]] * 10)
    shutil.copy(other / "model.onnx", package / "model.onnx")
    assert main([str(package / "model.onnx"), str(data)]) == 0
    assert "no split.json of this model" in capsys.readouterr().out


def test_copies_and_other_versions_of_a_photo_count_once(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six photos, one of them wrong; that one in four files. By hand: five of six."""
    data = tmp_path / "photos"
    write_photos(data / "red", range(3), (230, 60, 60))
    write_photos(data / "green", range(3, 6), (60, 230, 60))
    wrong = photo(7, tint=(230, 60, 60))
    for name, image in (("a.png", wrong), ("b.jpg", wrong), ("c.png", wrong.resize((120, 120)))):
        image.save(data / "green" / name)
    (data / "green" / "d.png").write_bytes((data / "green" / "a.png").read_bytes())
    (data / "green" / "5.png").unlink()
    assert main([str(package), str(data)]) == 0
    out = capsys.readouterr().out
    assert "3 of the 9 images are copies or other versions of others" in out
    low, high = binomtest(5, 6).proportion_ci(method="wilson")
    interval = f"95 % interval {100 * low:.1f} to {100 * high:.1f}"
    assert f"colours 1: accuracy 83.3 % (n=6, {interval})" in out


def test_neither_command_loads_pytorch() -> None:
    """They start in a second, where an import of PyTorch takes several."""
    code = (
        "import sys, training.evaluate, training.compare\n"
        "print(sorted({'torch', 'timm', 'sklearn', 'onnx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_archive_a_wrapping_folder_and_a_file_of_labels_are_read_as_for_training(
    package: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.make_archive(str(tmp_path / "others"), "zip", tmp_path, "others")
    write_images(tmp_path / "flat", "red", 3)
    (tmp_path / "labels.csv").write_text("file_name,label\n0.png,red\n1.png,red\n2.png,green\n")
    cases: list[tuple[list[str], str]] = [
        ([str(tmp_path / "others.zip"), "--cache-dir", str(tmp_path / "cache")], "80.0 % (n=25"),
        ([str(data.parent / "flat"), "--labels", str(tmp_path / "labels.csv")], "66.7 % (n=3"),
    ]
    wrapped = tmp_path / "wrapped" / "one folder more"
    shutil.copytree(data, wrapped)
    cases.append(([str(wrapped.parent)], "80.0 % (n=25"))
    for arguments, says in cases:
        assert main([str(package), *arguments]) == 0
        assert says in capsys.readouterr().out


def test_an_image_over_the_usual_limit_counts_where_it_is_allowed(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "data" / "red", "red", 2)
    command = [str(package), str(tmp_path / "data"), "--max-pixels", "480"]
    assert main(command) == 0  # 24 x 20 and 25 x 20 pixels
    assert "n=1" in capsys.readouterr().out
