"""Confidence against truth, on cases counted by hand and against scikit-learn."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.calibration import calibration_curve

from training.assessment.reliability import expected_calibration_error, reliability_bins

pytestmark = pytest.mark.training


def two_classes(confidence: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return (N, 2) probabilities whose first class has this confidence."""
    return np.stack([confidence, 1 - confidence], axis=1).astype(np.float32)


def test_the_error_is_the_gap_between_confidence_and_truth() -> None:
    """Ten answers at 0.8 of which five are right, ten at 0.6 of which all are: (0.3 + 0.4) / 2."""
    probabilities = np.array([[0.8, 0.2]] * 10 + [[0.6, 0.4]] * 10, dtype=np.float32)
    targets = np.array([0] * 5 + [1] * 5 + [0] * 10)
    assert expected_calibration_error(probabilities, targets) == pytest.approx(0.35, abs=1e-6)


def test_sure_and_right_answers_have_no_error() -> None:
    sure = np.eye(3, dtype=np.float32)
    assert expected_calibration_error(sure, np.array([0, 1, 2])) == 0


def test_scikit_learns_curve_gives_the_same_bins() -> None:
    """1500 different confidences fall into 15 bins of 100, as `calibration_curve` cuts them."""
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 1500)
    targets = (rng.random(1500) > confidence**2).astype(np.int64)
    probabilities = two_classes(confidence)
    accuracy, mean_confidence = calibration_curve(
        targets == 0, probabilities[:, 0].astype(np.float64), n_bins=15, strategy="quantile"
    )
    bins = reliability_bins(probabilities, targets)
    assert [b.images for b in bins] == [100] * 15
    assert [b.accuracy for b in bins] == pytest.approx(accuracy)
    assert [b.confidence for b in bins] == pytest.approx(mean_confidence)
    expected = np.abs(accuracy - mean_confidence).mean()
    assert expected_calibration_error(probabilities, targets) == pytest.approx(expected)


def test_few_images_fall_into_few_bins() -> None:
    """Each in a bin of its own would make an honest model look badly calibrated."""
    probabilities = two_classes(np.linspace(0.6, 0.99, 25))
    assert [b.images for b in reliability_bins(probabilities, np.zeros(25, np.int64))] == [13, 12]


def test_the_order_of_the_images_does_not_matter() -> None:
    confidence = np.repeat([0.55, 0.7, 0.9], [30, 50, 40])
    targets = np.arange(120) % 2
    turned = np.random.default_rng(0).permutation(120)
    probabilities = two_classes(confidence)
    assert expected_calibration_error(probabilities, targets) == pytest.approx(
        expected_calibration_error(probabilities[turned], targets[turned])
    )
