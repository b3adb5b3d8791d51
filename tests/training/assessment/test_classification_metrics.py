"""The figures of the report, on cases counted by hand and against scikit-learn."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics as theirs

from training.assessment.classification_metrics import confusion_matrix, describe_accuracy, measure
from training.assessment.intervals import wilson
from training.assessment.nll import negative_log_likelihood

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


def random_answers() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return probabilities (300, 7) and targets, half of them the likeliest class."""
    rng = np.random.default_rng(0)
    raw = rng.random((300, 7)) ** 4
    probabilities = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    targets = rng.integers(0, 7, 300)
    targets[::2] = probabilities[::2].argmax(axis=1)
    return probabilities, targets


def test_random_cases_agree_with_scikit_learn() -> None:
    probabilities, targets = random_answers()
    guesses = probabilities.argmax(axis=1)
    measured = measure(probabilities, targets, [str(i) for i in range(7)])
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    expected = {
        "accuracy": theirs.accuracy_score(targets, guesses),
        "balanced_accuracy": theirs.balanced_accuracy_score(targets, guesses),
        "macro_f1": theirs.f1_score(targets, guesses, average="macro"),
        "nll": theirs.log_loss(targets, exact, labels=range(7)),
        "brier": theirs.brier_score_loss(targets, exact, labels=range(7), scale_by_half=False),
        "top5": theirs.top_k_accuracy_score(targets, probabilities, k=5, labels=range(7)),
    }
    for name, value in expected.items():
        assert getattr(measured, name) == pytest.approx(value, rel=1e-4), name
    of_classes = theirs.precision_recall_fscore_support(
        targets, guesses, labels=range(7), zero_division=0.0
    )
    for name, values in zip(("precision", "recall", "f1", "images"), of_classes, strict=True):
        ours = [getattr(found, name) for found in measured.per_class.values()]
        assert ours == pytest.approx(values), name
    assert (
        confusion_matrix(probabilities, targets, 7).tolist()
        == theirs.confusion_matrix(targets, guesses).tolist()
    )


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


def test_every_share_lies_within_its_interval() -> None:
    probabilities, targets = random_answers()
    measured = measure(probabilities, targets, [str(i) for i in range(7)])
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "top5"):
        low, high = getattr(measured, f"{name}_interval")
        assert 0 <= low < getattr(measured, name) < high <= 1, name
        assert high - low < 0.15, name


def test_a_class_has_the_interval_of_its_own_images() -> None:
    """Two of three a found: Wilson's interval by hand is 0.208 to 0.939."""
    measured = measure(sure([0, 0, 1, 1]), np.array([0, 0, 0, 1]), LABELS)
    assert measured.per_class["a"].recall_interval == pytest.approx((0.2077, 0.9385), abs=1e-4)
    assert measured.per_class["b"].precision_interval == wilson(1, 2)
    assert measured.per_class["c"].recall_interval is None
    assert measured.per_class["c"].precision_interval is None


def test_without_a_mistake_drawing_again_claims_no_certainty() -> None:
    measured = measure(sure([0, 1, 2]), np.array([0, 1, 2]), LABELS)
    assert measured.balanced_accuracy_interval is None
    assert measured.macro_f1_interval is None
    assert measured.accuracy_interval == wilson(3, 3)


def test_the_intervals_are_the_same_each_time() -> None:
    probabilities, targets = random_answers()
    labels = [str(i) for i in range(7)]
    assert measure(probabilities, targets, labels) == measure(probabilities, targets, labels)


def test_19_of_20_intervals_hold_the_truth() -> None:
    """Balanced accuracy of 200 images with shares of 0.9, 0.7 and 0.5, drawn 40 times."""
    truth, rng, held = np.array([0.9, 0.7, 0.5]), np.random.default_rng(1), 0
    for _ in range(40):
        targets = rng.integers(0, 3, 200)
        right = rng.random(200) < truth[targets]
        guesses = np.where(right, targets, (targets + 1) % 3)
        interval = measure(sure(guesses.tolist()), targets, LABELS).balanced_accuracy_interval
        assert interval is not None
        held += interval[0] <= truth.mean() <= interval[1]
    assert 35 <= held < 40


def test_the_accuracy_is_told_with_its_interval() -> None:
    guesses, targets = [0] * 213 + [1] * 32, np.zeros(245, np.int64)
    text = describe_accuracy(measure(sure(guesses), targets, LABELS), "test")
    assert text == "test accuracy 86.9 % (n=245, 95 % interval 82.1 to 90.6)"


@pytest.mark.parametrize("certainty", [1.0, np.nextafter(np.float32(1), np.float32(2))])
def test_a_loss_of_nothing_is_no_negative_zero(certainty: float) -> None:
    """Float32 rounds the probability of a sure answer to a little more than 1 at times."""
    measured = measure(sure([0, 1, 2]) * np.float32(certainty), np.array([0, 1, 2]), LABELS)
    assert f"{measured.nll:.3f}" == "0.000"
    logits = np.array([[1e4, 0, 0]], np.float32)
    assert f"{negative_log_likelihood(logits, np.array([0])):.3f}" == "0.000"
