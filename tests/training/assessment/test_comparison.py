"""The tests for pairs, against scipy and by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest

from training.assessment.comparison import compare_all, disagreements, holm, mcnemar
from training.assessment.labelled_predictions import LabelledPredictions

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("only_this", "only_reference"), [(8, 2), (0, 5), (3, 3), (21, 40), (1, 0)]
)
def test_the_exact_test_is_the_binomial_one(only_this: int, only_reference: int) -> None:
    expected = binomtest(only_this, only_this + only_reference).pvalue
    assert mcnemar(only_this, only_reference) == pytest.approx(expected)


def test_without_an_image_that_tells_them_apart_there_is_no_evidence() -> None:
    assert mcnemar(0, 0) == 1


def test_several_comparisons_are_adjusted_after_holm() -> None:
    """The smallest times three, the next times two, the last once, and never falling."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]


def flags(num_right: int, num_images: int = 200) -> np.ndarray:
    """Return that the first `num_right` images are right."""
    return np.arange(num_images) < num_right


def test_a_clear_difference_is_told_with_its_interval() -> None:
    """20 of 200 images right by the second alone."""
    (found,) = compare_all([flags(150), flags(170)])
    assert (found.only_this, found.only_reference) == (20, 0)
    assert found.accuracy == pytest.approx(0.1)
    assert found.interval is not None
    # A share of 0.1 of 200 images has a standard error of 0.0212.
    assert found.interval == pytest.approx((0.1 - 1.96 * 0.0212, 0.1 + 1.96 * 0.0212), abs=0.006)
    assert found.verdict == "better"
    assert found.describe().startswith("+10.0 points (+6.")
    (other_way,) = compare_all([flags(170), flags(150)])
    assert other_way.verdict == "worse"


def test_a_difference_of_few_images_shows_nothing() -> None:
    (found,) = compare_all([flags(150), flags(153)])
    assert found.p_value == pytest.approx(0.25)
    assert found.verdict == "no difference shown"


def test_a_model_equals_itself() -> None:
    (found,) = compare_all([flags(150), flags(150)])
    assert found.interval is None
    assert found.describe() == "+0.0 points, p 1.000: no difference shown"


def test_one_comparison_of_many_needs_stronger_evidence() -> None:
    """6 images to none: p 0.031 alone, 0.094 as one of three."""
    alone = compare_all([flags(150), flags(156)])
    among = compare_all([flags(150), flags(156), flags(150), flags(150)])
    assert alone[0].verdict == "better"
    assert among[0].verdict == "no difference shown"
    assert among[0].p_value == pytest.approx(3 * alone[0].p_value)


def test_images_answered_differently_are_listed_hardest_first() -> None:
    """By name: the second model's classes are in another order."""
    first = LabelledPredictions(
        labels=("a", "b"),
        probabilities=np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]], np.float32),
        targets=np.array([0, 0, 1]),
        paths=("x", "y", "z"),
    )
    second = LabelledPredictions(
        labels=("b", "a"),
        probabilities=np.array([[0.1, 0.9], [0.3, 0.7], [0.1, 0.9]], np.float32),
        targets=np.array([1, 1, 0]),
        paths=("x", "y", "z"),
    )
    (found,) = disagreements([first, second])
    assert (found.path, found.truth, found.answers) == ("y", "a", ("b", "a"))
