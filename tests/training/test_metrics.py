"""The figures of the report, on cases counted by hand and against scikit-learn."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics as theirs

from training.metrics import confusion_matrix, expected_calibration_error, measure

pytestmark = pytest.mark.training

LABELS = ("a", "b", "c")


def sure(guesses: list[int], *, num_classes: int = 3) -> npt.NDArray[np.float32]:
    """Return probabilities of 1 for each guess."""
    return np.eye(num_classes, dtype=np.float32)[guesses]


def test_a_case_counted_by_hand() -> None:
    """Six images, four right: a 2 of 3, b 2 of 2, c 0 of 1."""
    measured = measure(sure([0, 0, 1, 1, 1, 0]), np.array([0, 0, 0, 1, 1, 2]), LABELS)
    assert measured.images == 6
    assert measured.accuracy == pytest.approx(4 / 6)
    assert measured.balanced_accuracy == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert measured.per_class["a"].precision == pytest.approx(2 / 3)
    assert measured.per_class["b"].precision == pytest.approx(2 / 3)
    assert measured.per_class["b"].f1 == pytest.approx(0.8)
    assert [measured.per_class[x].images for x in LABELS] == [3, 2, 1]
    assert measured.macro_f1 == pytest.approx((2 / 3 + 0.8 + 0) / 3)


def test_random_cases_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    raw = rng.random((300, 7)) ** 4
    probabilities = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    targets = rng.integers(0, 7, 300)
    guesses = probabilities.argmax(axis=1)
    measured = measure(probabilities, targets, [str(i) for i in range(7)])
    expected = {
        "accuracy": theirs.accuracy_score(targets, guesses),
        "balanced_accuracy": theirs.balanced_accuracy_score(targets, guesses),
        "macro_f1": theirs.f1_score(targets, guesses, average="macro"),
        "nll": theirs.log_loss(targets, raw / raw.sum(axis=1, keepdims=True), labels=range(7)),
        "top5": theirs.top_k_accuracy_score(targets, probabilities, k=5, labels=range(7)),
    }
    for name, value in expected.items():
        assert getattr(measured, name) == pytest.approx(value, rel=1e-4), name


@pytest.mark.parametrize(("num_classes", "has"), [(5, False), (6, True)])
def test_top_5_says_something_only_above_five_classes(num_classes: int, has: bool) -> None:
    labels = [str(i) for i in range(num_classes)]
    measured = measure(sure([0, 1], num_classes=num_classes), np.array([0, 1]), labels)
    assert (measured.top5 is not None) == has


def test_a_class_without_images_leaves_the_averages_alone() -> None:
    measured = measure(sure([0, 1]), np.array([0, 1]), LABELS)
    assert measured.balanced_accuracy == 1
    assert measured.macro_f1 == 1
    assert measured.per_class["c"].images == 0


def test_a_probability_of_zero_for_the_truth_is_a_large_loss_and_no_infinity() -> None:
    assert 20 < measure(sure([1]), np.array([0]), LABELS).nll < 40


def test_rows_of_the_confusion_matrix_are_the_true_classes() -> None:
    counts = confusion_matrix(sure([1, 1, 2]), np.array([0, 0, 2]), 3)
    assert counts.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_the_calibration_error_is_the_gap_between_confidence_and_truth() -> None:
    """Ten answers at 0.8 of which five are right, ten at 0.6 of which all are: (0.3 + 0.4) / 2."""
    probabilities = np.array([[0.8, 0.2]] * 10 + [[0.6, 0.4]] * 10, dtype=np.float32)
    targets = np.array([0] * 5 + [1] * 5 + [0] * 10)
    assert expected_calibration_error(probabilities, targets) == pytest.approx(0.35, abs=1e-6)


def test_sure_and_right_answers_have_no_calibration_error() -> None:
    assert expected_calibration_error(sure([0, 1, 2]), np.array([0, 1, 2])) == 0
