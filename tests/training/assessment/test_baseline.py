"""A model that is no better than an answer that needs no model is called that."""

import numpy as np
import pytest
from scipy.stats import binomtest

from inference.measured import SplitMetrics
from training.assessment.baseline import not_better_than_guessing
from training.assessment.classification_metrics import measure

pytestmark = pytest.mark.training


def metrics(counts: list[list[int]]) -> SplitMetrics:
    """Return the metrics of a confusion matrix: row is the truth, column the answer."""
    cells = [
        (truth, answer)
        for truth, row in enumerate(counts)
        for answer, number in enumerate(row)
        for _ in range(number)
    ]
    truths, answers = np.array(cells).T
    names = [f"class{i}" for i in range(len(counts))]
    return measure(np.eye(len(counts), dtype=np.float32)[answers], truths, names)


def test_always_answering_the_largest_class_is_said_to_be_worth_nothing() -> None:
    said = not_better_than_guessing(metrics([[80, 0], [20, 0]]), "test")
    assert said is not None
    assert said.startswith(
        "not shown to be better than always answering the largest class, 'class0'"
    )
    assert "test accuracy 80.0 % (n=100, 95 % interval " in said
    assert "against 80.0 %" in said
    assert "test balanced accuracy 50.0 %" in said
    assert "against 50.0 % by chance" in said


def test_a_good_model_is_not_spoken_ill_of() -> None:
    assert not_better_than_guessing(metrics([[78, 2], [2, 18]]), "test") is None
    assert not_better_than_guessing(metrics([[10, 0, 0], [0, 10, 0], [0, 0, 10]])) is None


@pytest.mark.parametrize("right", range(44, 70))
def test_the_line_is_drawn_where_the_interval_ends(right: int) -> None:
    """Two equal classes: by the interval that SciPy has for so many right ones of a hundred."""
    half, other = divmod(right, 2)
    counts = [[half + other, 50 - half - other], [50 - half, half]]
    low = binomtest(right, 100).proportion_ci(method="wilson").low
    said = not_better_than_guessing(metrics(counts))
    # The balanced accuracy is the same figure; its bootstrap interval may end a little beside the other.
    if low <= 0.5:
        assert said is not None
        assert "largest class" in said
    elif right > 62:
        assert said is None


def test_finding_the_small_class_is_not_passed_over_where_the_other_is_so_large() -> None:
    said = not_better_than_guessing(metrics([[90, 6], [0, 4]]))
    assert said is not None
    assert "yet over the classes alike it is better than chance" in said
