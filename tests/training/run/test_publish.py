"""The published package: complete, consistent, and about the file that is in it."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.classifier import Classifier
from inference.golden import check_golden
from inference.loading import open_classifier
from inference.manifest import METADATA_KEY, parse_manifest
from inference.package import read_package
from inference.repository import Repository
from inference.session import SessionConfig
from inference.similar import read_index
from tests.training.conftest import Command
from tests.training.folders import noisy, noisy_png, write_classes
from training.assessment.classification_metrics import measure
from training.data.split import Dataset
from training.run.measure import MeasuredModel, measure_selected
from training.run.publish import _GOLDEN_BYTES, order_golden, read_golden

pytestmark = pytest.mark.training

CPU = SessionConfig(provider="cpu")


def test_the_package_holds_these_files(published: Path) -> None:
    assert sorted(path.name for path in published.iterdir()) == [
        "golden",
        "manifest.json",
        "metrics.json",
        "model.onnx",
        "report.html",
        "similar.json",
        "similar.npy",
        "split.json",
    ]
    assert sorted(path.name for path in published.parent.iterdir()) == [".publishing", "1"]


def test_a_training_image_finds_itself_and_its_class_in_the_index(
    published: Path, colours: Path
) -> None:
    index = read_index(published)
    assert len(index.images) == 42
    classifier = open_classifier(published, session=CPU)
    known = index.images[17]
    (answer,) = classifier.classify([(colours / known.path).read_bytes()])
    # To this network all images of a colour are nearly alike, so the first may be another.
    found = index.nearest(answer.embedding, 14)
    assert {entry.image.label for entry in found} == {known.label}
    (itself,) = (entry for entry in found if entry.image == known)
    assert itself.cosine == pytest.approx(1, abs=2e-3)


def test_the_index_can_be_left_out(command: Command, colours: Path) -> None:
    names = {path.name for path in command(colours, "--no-similar").published.iterdir()}
    assert "report.html" in names
    assert not [name for name in names if name.startswith("similar")]


def test_the_repository_finds_it(published: Path) -> None:
    repository = Repository(published.parents[1])
    assert repository.names() == ["colours"]


def test_it_passes_inferences_own_checks(published: Path) -> None:
    classifier = open_classifier(published, session=CPU)
    assert check_golden(classifier, published) == 12


def test_the_manifest_describes_the_file_beside_it(published: Path) -> None:
    manifest = read_package(published).manifest
    assert manifest.files is not None
    data = (published / "model.onnx").read_bytes()
    assert manifest.files["fp32"].sha256 == hashlib.sha256(data).hexdigest()
    assert manifest.files["fp32"].bytes == len(data)
    assert (manifest.name, manifest.version) == ("colours", 1)
    assert manifest.labels == ("blue", "green", "red")
    assert manifest.training.method == "probe"


def test_the_manifest_is_in_the_model_file_too_without_the_files(published: Path) -> None:
    """A copied model.onnx is usable alone."""
    beside = read_package(published).manifest
    alone = open_classifier(published / "model.onnx", session=CPU)
    inside = parse_manifest(alone.session.metadata[METADATA_KEY])
    assert inside == dataclasses.replace(beside, files=None)


def test_the_outputs_of_the_manifest_are_those_of_the_file(published: Path) -> None:
    classifier = open_classifier(published, session=CPU)
    height, width = classifier.manifest.preprocessing.crop_hw
    outputs = classifier.run(np.zeros((2, height, width, 3), np.uint8), activation_map=True)
    for name, spec in classifier.manifest.outputs.items():
        assert spec.shape is not None
        assert getattr(outputs, name).shape == (2, *spec.shape[1:]), name


def test_the_reported_accuracy_is_that_of_the_file_on_raw_bytes(
    published: Path, dataset: Dataset
) -> None:
    classifier = Classifier.load(read_package(published), session=CPU)
    reported = classifier.manifest.metrics
    for split, metrics in (("val", reported.val), ("test", reported.test)):
        assert metrics is not None
        images = dataset.splits[split]  # type: ignore[index]
        pixels = [classifier.prepare(i.file.path.read_bytes()).pixels for i in images]
        probabilities = classifier.run(np.stack(pixels)).probabilities
        targets = dataset.targets(split)  # type: ignore[arg-type]
        again = measure(probabilities, targets, dataset.labels)
        assert again.accuracy == metrics.accuracy == 1
        if split == "test":
            assert again.nll == pytest.approx(metrics.nll, abs=1e-6)
        else:
            # The published head was fitted on these too; what is reported is of one that was not.
            assert again.nll < metrics.nll


def test_nothing_of_this_machine_is_in_the_package(published: Path, colours: Path) -> None:
    local = [
        str(p).encode() for p in (Path(__file__).parents[2], colours.parent, published.parents[1])
    ]
    for path in published.rglob("*"):
        if path.is_file():
            assert not any(text in path.read_bytes() for text in local), path.name


def test_metrics_json_can_be_read_and_agrees(published: Path) -> None:
    content = json.loads((published / "metrics.json").read_text(encoding="utf-8"))
    manifest = read_package(published).manifest
    assert content["metrics"]["val"]["accuracy"] == manifest.metrics.val.accuracy
    assert np.sum(content["confusion"]["val"]) == manifest.metrics.val.images
    assert [c["method"] for c in content["candidates"]] == ["probe"]
    assert content["left_out"] == []


def test_metrics_json_tells_what_calibration_changed(published: Path) -> None:
    content = json.loads((published / "metrics.json").read_text(encoding="utf-8"))
    for split in ("val", "test"):
        effect = content["calibration"][split]
        assert effect["nll_after"] == pytest.approx(content["metrics"][split]["nll"], abs=1e-6)
        assert effect["ece_after"] == pytest.approx(content["metrics"][split]["ece"], abs=1e-6)
        assert effect["nll_before"] != effect["nll_after"]


def test_golden_images_are_the_users_own_bytes(published: Path, dataset: Dataset) -> None:
    known = {i.file.path.read_bytes() for images in dataset.splits.values() for i in images}
    golden = [p for p in (published / "golden").iterdir() if p.suffix != ".json"]
    assert len(golden) == 12
    assert all(path.read_bytes() in known for path in golden)


def test_golden_images_take_the_classes_in_turn_and_validation_images_first(
    dataset: Dataset,
) -> None:
    chosen = order_golden(dataset)[:12]
    assert {image.file.label for image in chosen[:3]} == set(dataset.labels)
    counts = [sum(i.file.label == label for i in chosen) for label in dataset.labels]
    assert counts == [4, 4, 4]
    assert set(dataset.splits["val"]) <= set(chosen)


def test_an_image_is_a_golden_one_once_where_folds_make_it_one_of_both_splits(
    dataset: Dataset,
) -> None:
    train = dataset.splits["train"][:5]
    folded = dataclasses.replace(dataset, splits={**dataset.splits, "train": train, "val": train})
    assert sorted(i.row for i in order_golden(folded)) == sorted(i.row for i in train)


def test_large_files_are_golden_images_only_where_there_are_too_few_others(
    dataset: Dataset, tmp_path: Path
) -> None:
    """A package does not grow by tens of megabytes of photos."""
    large = tmp_path / "large.bmp"
    noisy((220, 40, 40), 1, size_wh=(400, 400)).save(large)
    assert large.stat().st_size > _GOLDEN_BYTES
    first, *rest = dataset.splits["val"]
    swollen = dataclasses.replace(first, file=dataclasses.replace(first.file, path=large))
    splits = {**dataset.splits, "val": (swollen, *rest)}
    assert order_golden(dataclasses.replace(dataset, splits=splits))[-1] is swollen


def test_a_file_that_is_gone_or_changed_is_no_golden_image(
    dataset: Dataset, tmp_path: Path
) -> None:
    """Another takes its place: what is kept are the bytes that were measured."""
    first, second = order_golden(dataset)[:2]
    other = tmp_path / "changed.png"
    other.write_bytes(noisy_png(5, seed=77))
    moved = {
        first.sha256: first.file.path.with_name("gone.png"),
        second.sha256: other,
    }
    splits = {
        split: tuple(
            dataclasses.replace(i, file=dataclasses.replace(i.file, path=moved[i.sha256]))
            if i.sha256 in moved
            else i
            for i in images
        )
        for split, images in dataset.splits.items()
    }
    read = [data for data, _ in read_golden(dataclasses.replace(dataset, splits=splits))]
    assert len(read) == 42 + 9 - 2
    assert not {hashlib.sha256(data).hexdigest() for data in read} & set(moved)


def test_a_photo_that_goes_before_the_last_step_costs_that_photo_and_not_the_run(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_classes(tmp_path / "photos", count=20)

    def measure_and_remove(*arguments: Any, **named: Any) -> MeasuredModel:
        measured = measure_selected(*arguments, **named)
        gone, changed = measured.dataset.splits["test"][:2]
        gone.file.path.unlink()
        changed.file.path.write_bytes(noisy_png(5, seed=77))
        return measured

    monkeypatch.setattr("training.run.pipeline.measure_selected", measure_and_remove)
    outcome = command(data, "--method", "probe")
    assert outcome.out.count("has gone or changed since it was read") == 2
    classifier = open_classifier(outcome.published, session=CPU)
    assert check_golden(classifier, outcome.published) == 12
