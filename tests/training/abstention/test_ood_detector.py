"""From a folder to the rejection rule in the manifest: with unknown images, and without."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.loading import open_classifier
from inference.package import read_package
from inference.session import SessionConfig
from tests.training.conftest import Command, quiet
from tests.training.folders import noisy, write_class, write_classes
from training.abstention.ood_detector import fit_ood_detector, score_test_images
from training.candidates.candidate import Candidate
from training.config import FinetuneConfig
from training.data.folder import Split
from training.ood.threshold import TUNE_FROM

pytestmark = pytest.mark.training

CPU = SessionConfig(provider="cpu")


def test_the_rule_is_about_the_graphs_own_score(published: Path) -> None:
    manifest = read_package(published).manifest
    rule = manifest.rejection
    assert rule is not None
    assert (rule.score, rule.prototypes, rule.tuned_on) == ("familiarity", 12, 0)
    assert manifest.outputs["familiarity"].shape == (-1,)
    assert rule.accepted >= 0.95
    assert rule.measured is not None
    assert rule.measured.against == "classes left out"
    assert rule.measured.images == 42 + 9 + 9


def test_the_published_file_accepts_what_it_was_trained_on_and_not_another_texture(
    published: Path, colours: Path, tmp_path: Path
) -> None:
    classifier = open_classifier(published, session=CPU)
    images = [path.read_bytes() for path in sorted(colours.rglob("*.png"))]
    rejected = [answer.rejected for answer in classifier.classify(images)]
    assert np.mean(rejected) < 0.15
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (8, *classifier.manifest.crop_hw, 3), dtype=np.uint8)
    assert all(a.rejected for a in classifier.interpret(classifier.run(batch)))


def test_without_embeddings_of_its_own_a_candidate_is_scored_alike(
    probe: Candidate, config: FinetuneConfig
) -> None:
    """A trained candidate has none: they are computed for the images that are needed."""
    known = fit_ood_detector(probe, config, quiet(), C=probe.C)
    computed = fit_ood_detector(replace(probe, embeddings=None), config, quiet(), C=None)
    np.testing.assert_allclose(computed.val_scores, known.val_scores, atol=1e-3)


def test_versions_of_one_photo_count_once_in_the_scores_of_rule_and_report(
    probe: Candidate, config: FinetuneConfig
) -> None:
    dataset = probe.dataset
    photos = np.arange(1 + max(image.row for split in dataset.splits.values() for image in split))
    splits: tuple[Split, ...] = ("val", "test")
    for split in splits:
        rows, targets = dataset.rows(split), dataset.targets(split)
        one, again, *_ = rows[targets == targets[0]]
        photos[again] = photos[one]
    candidate = replace(probe, dataset=replace(dataset, photos=photos))
    detector = fit_ood_detector(candidate, config, quiet(), C=probe.C)
    assert len(detector.counted_scores) == len(dataset.rows("val")) - 1
    test_scores = score_test_images(detector)
    assert test_scores is not None
    assert len(test_scores) == len(dataset.rows("test")) - 1


def test_few_unknown_images_measure_the_rule(command: Command, tmp_path: Path) -> None:
    data = write_classes(tmp_path / "data", count=20)
    write_class(data / "_unknown", 4, count=6)
    (data / "_unknown" / "broken.png").write_bytes(b"no image")
    copy = (data / "red" / "image0.png").read_bytes()
    (data / "_unknown" / "copy.png").write_bytes(copy)
    outcome = command(data)
    package = read_package(outcome.published)
    rule = package.manifest.rejection
    assert rule is not None
    assert rule.tuned_on == 0
    assert rule.measured is not None
    assert (rule.measured.against, rule.measured.images) == ("unknown images", 6)
    assert "_unknown" not in package.manifest.labels
    left_out = json.loads((package.path / "metrics.json").read_text("utf-8"))["left_out"]
    assert {Path(entry["path"]).name for entry in left_out} == {"broken.png", "copy.png"}
    assert "6 images of no class" in outcome.out


def test_many_unknown_images_choose_the_threshold_too(command: Command, tmp_path: Path) -> None:
    data = write_classes(tmp_path / "data", count=20)
    folder = data / "_unknown"
    folder.mkdir()
    for index in range(TUNE_FROM):
        noisy((120, 120, 120), index).save(folder / f"{index}.png")
    rule = read_package(command(data).published).manifest.rejection
    assert rule is not None
    assert rule.tuned_on == TUNE_FROM // 2
    assert rule.measured is not None
    assert rule.measured.images == TUNE_FROM // 2


def test_two_classes_have_none_to_leave_out(command: Command, tmp_path: Path) -> None:
    data = write_classes(tmp_path / "data", ["red", "green"], count=12)
    rule = read_package(command(data).published).manifest.rejection
    assert rule is not None
    assert rule.measured is None
