"""The command that puts models side by side."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders import LABELS, make_package
from tests.training.report.reports import tags
from tests.training.test_evaluate import split_of, write_images
from training.assessment.evaluation import Evaluation, evaluate
from training.compare import main

pytestmark = pytest.mark.training

# Takes every blue image for a green one.
COLOUR_BLIND = np.array([[10, 0, 0], [0, 10, 11], [0, 0, 10]])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return ten images of each colour."""
    for label in LABELS:
        write_images(tmp_path / "data" / label, label, 10)
    return tmp_path / "data"


def test_a_better_model_is_told_from_a_worse_one(
    data: Path, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blind, seeing = make_package(models_dir, weight=COLOUR_BLIND), make_package(models_dir)
    file = tmp_path / "figures.json"
    assert main([str(blind), str(seeing), "--data", str(data), "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert "30 images of data" in out
    assert "+33.3 points (+16.7 to +50.0), p 0.002: better" in out
    assert "different predictions: 10 images" in out
    assert "blue/0.png is blue; colours 1: green, colours 2: blue" in out
    found = json.loads(file.read_text(encoding="utf-8"))
    assert [model["metrics"]["accuracy"] for model in found["models"]] == pytest.approx([2 / 3, 1])
    assert found["models"][0]["difference"] is None
    assert found["models"][1]["difference"]["only_this"] == 10
    assert len(found["disagreements"]) == 10


def test_the_page_names_the_verdict_and_every_disagreement(
    data: Path, models_dir: Path, tmp_path: Path
) -> None:
    blind, seeing = make_package(models_dir, weight=COLOUR_BLIND), make_package(models_dir)
    file = tmp_path / "comparison.html"
    assert main([str(blind), str(seeing), "--data", str(data), "--html", str(file)]) == 0
    page = file.read_text(encoding="utf-8")
    assert "colours 2 against colours 1: better." in page
    for i in range(10):
        assert f"blue/{i}.png" in page
    assert not {tag for tag, _ in tags(page)} & {"script", "link", "img", "iframe"}


def test_models_of_one_name_and_version_are_told_by_their_paths(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages = [str(make_package(tmp_path / place)) for place in ("here", "there")]
    assert main([*packages, "--data", str(data)]) == 0
    out = capsys.readouterr().out
    assert all(package in out for package in packages)
    assert "all models predict the same class for every image" in out


def test_one_model_is_nothing_to_compare(
    data: Path, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(make_package(models_dir)), "--data", str(data)]) == 2
    assert "give two packages or more" in capsys.readouterr().err


def test_a_class_that_one_model_lacks_is_named(
    data: Path, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = make_package(models_dir)
    write_images(data / "violet", "red", 1)
    assert main([str(package), str(package), "--data", str(data)]) == 2
    assert "folder 'violet' is no class of the model" in capsys.readouterr().err


def test_what_either_model_was_trained_on_is_left_out_for_both(
    data: Path, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages = [make_package(models_dir) for _ in range(2)]
    split_of(packages[0], {data / "red" / "0.png": "train", data / "red" / "1.png": "test"})
    split_of(packages[1], {data / "blue" / "0.png": "val", data / "blue" / "1.png": "train"})
    assert main([*map(str, packages), "--data", str(data)]) == 0
    out = capsys.readouterr().out
    assert "warning: 3 of the 30 images were used for training and are left out" in out
    assert "27 images of data" in out


def test_an_image_that_goes_while_the_models_run_costs_that_image(
    data: Path,
    models_dir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packages = [str(make_package(models_dir)) for _ in range(2)]
    ran: list[int] = []

    def evaluate_and_remove(*arguments: Any, **named: Any) -> Evaluation:
        if ran:
            (data / "red" / "3.png").unlink()
        ran.append(1)
        return evaluate(*arguments, **named)

    monkeypatch.setattr("training.compare.evaluate", evaluate_and_remove)
    assert main([*packages, "--data", str(data)]) == 0
    out = capsys.readouterr().out
    assert "skipping 'red/3.png': it changed while the models were running" in out
    assert "29 images of data" in out
