"""The command from a folder of images to a published package, in this process."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from inference.classifier import Classifier
from inference.golden import check_golden
from inference.loading import open_classifier
from inference.package import read_package
from inference.session import SessionConfig
from tests.training.conftest import Command
from tests.training.folders import write_class, write_classes
from training.candidates.candidate import Candidate, describe_method
from training.candidates.selection import Selection
from training.errors import NoTimeToTrain
from training.run import fit_network as fitting
from training.run.fit_probe import Fitting
from training.runtime import time_budget

pytestmark = pytest.mark.training


def accepted(package: Path) -> Classifier:
    """Load a package as the service does."""
    classifier = open_classifier(package, session=SessionConfig(provider="cpu"))
    assert check_golden(classifier, package) > 0
    return classifier


def test_the_published_model_knows_the_colours(published: Path, colours: Path) -> None:
    classifier = accepted(published)
    for label in ("red", "green", "blue"):
        (answer,) = classifier.classify([(colours / label / "image3.png").read_bytes()])
        assert answer.label == label


def test_fine_tuning_compares_itself_with_the_probe(command: Command, colours: Path) -> None:
    outcome = command(colours, "--method", "finetune", "--epochs", "1", "--name", "tuned")
    manifest = accepted(outcome.published).manifest
    assert manifest.name == "tuned"
    assert manifest.training.method in ("probe", "finetune")
    assert "linear probe: " in outcome.out
    assert "fine-tuned network: " in outcome.out
    assert f"publishing the {describe_method(manifest.training.method)}" in outcome.out
    assert "horizontal flip: on" in outcome.out
    assert manifest.training.config["epochs"] == 1


def test_a_budget_that_the_probe_uses_up_is_not_overrun_by_training(
    command: Command, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_budget, "_NOTED_S", 0.0)  # the whole run may take a second
    outcome = command(colours, "--time-budget", "0.1s")
    assert accepted(outcome.published).manifest.training.method == "probe"
    assert "no time is left for fine-tuning" in outcome.out
    assert (
        "left out after all, for within the time budget no time is left for flipped" in outcome.out
    )
    assert outcome.out.count("horizontal flip: on") == 1
    assert "plan: " not in outcome.out
    assert "more than the 0 s of --time-budget" in outcome.out.splitlines()[-2]


def test_a_model_that_learned_nothing_says_so_before_the_published_folder(
    command: Command, tmp_path: Path
) -> None:
    """Both classes are red: that the one is larger is all there is to learn."""
    write_class(tmp_path / "photos" / "one", 0, count=60, seed=1)
    write_class(tmp_path / "photos" / "other", 0, count=24, seed=2)
    outcome = command(tmp_path / "photos", "--method", "probe")
    test = read_package(outcome.published).manifest.metrics.test
    assert test is not None
    of_largest = max(found.images for found in test.per_class.values()) / test.images
    last = outcome.out.splitlines()[-2]
    assert last.startswith("warning: not shown to be better than always answering")
    assert f"against {100 * of_largest:.1f} %" in last


def test_a_probe_that_stands_is_the_one_that_is_made_without_training(
    command: Command, colours: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head is fitted on flipped images too, when nothing else will be published."""

    def no_time(*_: object) -> None:
        raise NoTimeToTrain

    monkeypatch.setattr(fitting, "_from_probe", no_time)
    outcome = command(colours, "--method", "finetune", "--name", "tuned")
    first, second = (head_weights(folder) for folder in (published, outcome.published))
    assert np.allclose(first, second, atol=1e-5)


def test_a_longer_run_has_the_flipped_images_of_a_short_one_whatever_training_took(
    command: Command, colours: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the probe was made there was time for them; when it is published, training has had it."""
    trained: list[Candidate] = []

    def overrun(probes: Selection, *_: object) -> Selection:
        trained.append(probes.chosen)
        return probes

    def spare_s(*_: object) -> float:
        return -60.0 if trained else 60.0

    monkeypatch.setattr(fitting, "_from_probe", overrun)
    monkeypatch.setattr(Fitting, "spare_s", spare_s)
    outcome = command(colours, "--time-budget", "10m", "--method", "finetune", "--name", "longer")
    first, second = (head_weights(folder) for folder in (published, outcome.published))
    assert np.allclose(first, second, atol=1e-5)


def head_weights(package: Path) -> np.ndarray:
    model = onnx.load(package / "model.onnx")
    (weights,) = (t for t in model.graph.initializer if t.name == "head.weight")
    return numpy_helper.to_array(weights)


def test_training_from_scratch_needs_no_weights(command: Command, colours: Path) -> None:
    """A ViT at that: its head is no pooling and one linear layer, which the manifest says."""
    flags = ("--method", "scratch", "--epochs", "2", "--batch-size", "8")
    outcome = command(colours, *flags, backbone="test_vit", weights="none")
    classifier = accepted(outcome.published)
    manifest = classifier.manifest
    assert manifest.training.method == "scratch"
    assert manifest.backbone.weights == "none"
    assert "horizontal flip: off (no probe can show" in outcome.out
    assert not classifier.has_activation_map
    absent = manifest.outputs["activation_map"].absent
    assert absent is not None
    assert "global average pooling" in absent


def test_the_next_run_is_the_next_version_and_leaves_the_first(
    command: Command, colours: Path, published: Path, models_dir: Path
) -> None:
    """The last line names it; the same data and seed give the same figures."""
    first = models_dir / "colours" / "1"
    shutil.copytree(published, first)
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    outcome = command(colours, "--method", "probe")
    assert outcome.err == ""
    assert outcome.published == models_dir / "colours" / "2"
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in first.rglob("*") if path.is_file()} == before.keys()
    assert accepted(outcome.published).manifest.metrics == accepted(first).manifest.metrics


def test_odd_names_and_odd_files_are_taken_and_told(command: Command, tmp_path: Path) -> None:
    """Korean, a space, an emoji, a script; files of every odd kind."""
    labels = ["제니", "with space", "🐈", "<b>[red]"]
    data = write_classes(tmp_path / "가수 사진", labels, count=6)
    truncated, empty = data / "제니" / "image0.png", data / "🐈" / "image1.png"
    truncated.write_bytes(truncated.read_bytes()[:100])
    empty.write_bytes(b"")
    (data / "🐈" / "notes.txt").write_text("not an image")
    Image.new("L", (3, 500)).save(data / "with space" / "thin.gif")
    Image.new("RGBA", (200, 10), (255, 0, 0, 0)).save(data / "with space" / "clear.webp")
    outcome = command(data, "--method", "probe")
    assert outcome.published.parent.name == "gasu-sajin-2ad427"
    manifest = accepted(outcome.published).manifest
    assert manifest.title == "가수 사진"
    assert set(manifest.labels) == set(labels)
    assert manifest.dataset.counts["train"] == {
        "제니": 5,
        "with space": 8,
        "🐈": 5,
        "<b>[red]": 6,
    }
    for unreadable in ("제니/image0.png", "🐈/image1.png"):
        assert outcome.out.count(f"    {unreadable}: ") == 1
    assert "ignoring 1 other file: 1 .txt" in outcome.out
    report = (outcome.published / "report.html").read_text(encoding="utf-8")
    assert "제니/image0.png" in report
    assert "<b>[red]" not in report
    assert (outcome.published / "metrics.json").read_text(encoding="utf-8").count("image") >= 2


def test_given_splits_are_measured_as_they_are(command: Command, tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "validation")):
        write_classes(tmp_path / "photos" / split, ["cat", "dog"], count=4, seed=seed)
    manifest = accepted(command(tmp_path / "photos", "--method", "probe").published).manifest
    assert manifest.dataset.counts == {
        "train": {"cat": 4, "dog": 4},
        "val": {"cat": 4, "dog": 4},
    }
    assert manifest.metrics.test is None
