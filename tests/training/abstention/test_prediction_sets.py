"""Prediction sets: the promised coverage, the correction for few images, and MAPIE's own answer."""

import json
from pathlib import Path

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression

from inference.conformal import label_sets
from inference.loading import open_classifier
from inference.package import read_package
from inference.session import SessionConfig
from tests.training.conftest import Command
from training.abstention.prediction_sets import fit_conformal, measure_sets

pytestmark = pytest.mark.training


def images(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points around four corners that overlap, and which corner each is of."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 4, num)
    corners = np.array([[0, 0], [0, 2], [2, 0], [2, 2]])
    return corners[targets] + rng.normal(0, 0.9, (num, 2)), targets


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    return LogisticRegression().fit(*images(200, seed=1))


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("num", [25, 60, 301])
def test_the_sets_are_those_of_mapie(model: LogisticRegression, coverage: float, num: int) -> None:
    points, targets = images(num, seed=2)
    others, _ = images(500, seed=3)
    mapie = SplitConformalClassifier(
        model, confidence_level=coverage, conformity_score="lac", prefit=True
    )
    mapie.conformalize(points, targets)
    expected = mapie.predict_set(others)[1][:, :, 0]
    probabilities = model.predict_proba(others)
    expected[np.arange(500), probabilities.argmax(axis=1)] = True  # MAPIE leaves sets empty

    rule = fit_conformal(model.predict_proba(points), targets, coverage=coverage)

    np.testing.assert_array_equal(label_sets(probabilities, rule), expected)


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_the_promise_is_kept_within_its_binomial_interval(
    model: LogisticRegression, coverage: float
) -> None:
    """Without always taking the best label in, which would cover more; averaged over calibrations."""
    covered = 0
    for seed in range(100):
        points, targets = images(40, seed=100 + seed)
        rule = fit_conformal(model.predict_proba(points), targets, coverage=coverage)
        others, truth = images(50, seed=1000 + seed)
        probabilities = model.predict_proba(others)
        covered += int((probabilities[np.arange(50), truth] >= rule.threshold).sum())
    # With 40 images the chance is exactly ceil(41 * coverage) / 41; images of one calibration share
    # its luck, so the interval is that of fewer images.
    exact = np.ceil(41 * coverage) / 41
    low, high = binom.interval(0.999, 1000, exact)
    assert low / 1000 <= covered / 5000 <= high / 1000


def test_the_threshold_by_hand() -> None:
    """Of nine images, ceil(10 * 0.8) = 8 give their label at least the eighth largest probability."""
    of_truth = np.array([0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.6, 0.4, 0.5])
    probabilities = np.stack([of_truth, 1 - of_truth], axis=1)
    rule = fit_conformal(probabilities, np.zeros(9, np.int64), coverage=0.8)
    assert (rule.threshold, rule.images) == (0.2, 9)


@pytest.mark.parametrize(("num", "all_labels"), [(5, True), (8, True), (9, False)])
def test_too_few_images_leave_no_label_out(num: int, all_labels: bool) -> None:
    """At 90 % the first image may be missed when there are nine: 9 of 10 are then covered."""
    probabilities = np.tile([[0.98, 0.01, 0.01]], (num, 1))
    rule = fit_conformal(probabilities, np.zeros(num, np.int64), coverage=0.9)
    assert (rule.threshold == 0) is all_labels
    assert bool(label_sets(probabilities[:1], rule).all()) is all_labels


def test_sets_are_measured_by_truth_and_size() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.8, 0.1, 0.1]])
    rule = fit_conformal(np.full((9, 3), 0.25), np.zeros(9, np.int64), coverage=0.9)
    found = measure_sets(probabilities, np.array([1, 2, 0]), rule)
    assert found.images == 3
    assert found.covered == pytest.approx(2 / 3)
    assert found.mean_size == pytest.approx(5 / 3)


def test_a_run_with_coverage_publishes_sets(command: Command, colours: Path) -> None:
    published = command(colours, "--coverage", "0.8").published
    rule = read_package(published).manifest.conformal
    assert rule is not None
    assert (rule.coverage, rule.images) == (0.8, 9)
    sets = json.loads((published / "metrics.json").read_text("utf-8"))["sets"]
    assert sets["test"]["images"] == 9
    classifier = open_classifier(published, session=SessionConfig(provider="cpu"))
    (answer,) = classifier.classify([(colours / "red" / "image0.png").read_bytes()])
    assert answer.label_set is not None
    assert answer.label_set[0].label == "red"


def test_a_run_without_publishes_none(published: Path) -> None:
    assert read_package(published).manifest.conformal is None
