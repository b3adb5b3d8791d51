"""Golden images notice a model that no longer answers as it did when it was published."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.classifier import Classifier
from inference.errors import GoldenMismatch, PackageError, UndecodableImage
from inference.golden import check_golden, expected_file, write_golden
from inference.manifest import Precision
from inference.package import EXPECTED_FILE, GOLDEN_FOLDER, read_package
from inference.session import SessionConfig, open_session
from tests.builders import (
    LABELS,
    colour_model,
    coloured,
    make_manifest,
    make_package,
    replace_model,
)

CPU = SessionConfig(provider="cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a package that a test may damage."""
    return make_package(tmp_path)


def load(folder: Path) -> Classifier:
    return Classifier.load(read_package(folder), session=CPU)


def edit_expected(folder: Path, change: dict[str, Any]) -> None:
    """Change the first golden image's entry."""
    file = folder / GOLDEN_FOLDER / EXPECTED_FILE
    data = json.loads(file.read_text(encoding="utf-8"))
    data["images"][0].update(change)
    file.write_text(json.dumps(data), encoding="utf-8")


def test_a_sound_package_passes(folder: Path) -> None:
    assert check_golden(load(folder), folder) == 3


def test_the_images_are_kept_byte_for_byte_with_their_labels(folder: Path) -> None:
    expected = json.loads((folder / GOLDEN_FOLDER / EXPECTED_FILE).read_text(encoding="utf-8"))
    assert [entry["label"] for entry in expected["images"]] == list(LABELS)
    for entry in expected["images"]:
        assert (folder / GOLDEN_FOLDER / entry["file"]).read_bytes() == coloured(entry["label"])


def test_at_most_16_images_are_kept(tmp_path: Path, classifier: Classifier) -> None:
    golden = write_golden(tmp_path, classifier, [(coloured("red"), "red")] * 20)
    assert len(golden.images) == 16
    assert check_golden(classifier, tmp_path) == 16


def test_an_image_that_cannot_be_decoded_cannot_be_golden(
    tmp_path: Path, classifier: Classifier
) -> None:
    with pytest.raises(UndecodableImage):
        write_golden(tmp_path, classifier, [(coloured("red")[:-30], "red")])


def test_changed_weights_are_noticed_even_where_their_digest_is_right(folder: Path) -> None:
    replace_model(folder, colour_model(weight=np.eye(3) * 4))
    with pytest.raises(GoldenMismatch, match=r"'00\.png': a probability differs by 0\.0"):
        check_golden(load(folder), folder)


def test_a_difference_within_the_tolerance_passes_and_one_beyond_does_not(folder: Path) -> None:
    model = load(folder)
    row = model.run(model.prepare(coloured("red")).pixels[np.newaxis]).probabilities[0]
    for shift, passes in ((0.009, True), (0.011, False)):
        edit_expected(folder, {"probabilities": [float(p) - shift for p in row]})
        if passes:
            assert check_golden(model, folder) == 3
        else:
            with pytest.raises(GoldenMismatch, match=r"differs by 0\.0110"):
                check_golden(model, folder)


def test_a_changed_image_is_noticed(folder: Path) -> None:
    (folder / GOLDEN_FOLDER / "00.png").write_bytes(coloured("blue"))
    with pytest.raises(GoldenMismatch, match=r"'00\.png': a probability differs"):
        check_golden(load(folder), folder)


def test_an_image_that_is_gone_or_damaged_is_noticed(folder: Path) -> None:
    image = folder / GOLDEN_FOLDER / "01.png"
    image.write_bytes(image.read_bytes()[:-30])
    with pytest.raises(GoldenMismatch, match=r"'01\.png' cannot be read"):
        check_golden(load(folder), folder)
    image.unlink()
    with pytest.raises(GoldenMismatch, match=r"'01\.png' is missing"):
        check_golden(load(folder), folder)


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../manifest.json"},
        {"file": "/etc/hostname"},
        {"file": ".."},
        {"file": ""},
        {"probabilities": [1.0, 0.0]},
        {"probabilities": [1.0, 0.0, float("nan")]},
        {"probabilities": "high"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_an_expected_answer_that_does_not_fit_is_refused(
    folder: Path, change: dict[str, Any]
) -> None:
    edit_expected(folder, change)
    with pytest.raises(GoldenMismatch):
        check_golden(load(folder), folder)


def test_an_image_outside_the_golden_folder_is_not_read(folder: Path) -> None:
    (folder / "red.png").write_bytes(coloured("red"))
    edit_expected(folder, {"file": "../red.png"})
    with pytest.raises(GoldenMismatch, match="is damaged"):
        check_golden(load(folder), folder)


def test_more_golden_images_than_are_published_are_refused_unread(folder: Path) -> None:
    file = folder / GOLDEN_FOLDER / EXPECTED_FILE
    data = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({"images": data["images"][:1] * 17}), encoding="utf-8")
    with pytest.raises(GoldenMismatch, match="is damaged"):
        check_golden(load(folder), folder)


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"images": []}'])
def test_a_package_without_golden_images_is_refused(folder: Path, text: str | None) -> None:
    file = folder / GOLDEN_FOLDER / EXPECTED_FILE
    file.unlink()
    if text is not None:
        file.write_text(text)
    with pytest.raises(GoldenMismatch, match="publish again"):
        check_golden(load(folder), folder)


def test_a_smaller_precision_has_more_room(folder: Path) -> None:
    edit_expected(folder, {"probabilities": [0.98, 0.0, 0.0]})
    expected = (folder / GOLDEN_FOLDER / EXPECTED_FILE).read_bytes()
    session = open_session(colour_model(), CPU)
    passing: dict[Precision, bool] = {"fp32": False, "fp16": True, "int8": True}
    for precision, passes in passing.items():
        model = Classifier(manifest=make_manifest(), session=session, precision=precision)
        (folder / GOLDEN_FOLDER / expected_file(precision)).write_bytes(expected)
        if passes:
            assert check_golden(model, folder) == 3
        else:
            with pytest.raises(GoldenMismatch):
                check_golden(model, folder)


@pytest.mark.parametrize("file", [EXPECTED_FILE, "00.png"])
def test_a_golden_file_that_is_a_link_out_of_the_package_is_refused(
    folder: Path, tmp_path: Path, file: str
) -> None:
    classifier, golden = load(folder), folder / GOLDEN_FOLDER
    (golden / file).rename(tmp_path / "outside")
    (golden / file).symlink_to(tmp_path / "outside")
    with pytest.raises(PackageError, match="link out of its folder"):
        check_golden(classifier, folder)
