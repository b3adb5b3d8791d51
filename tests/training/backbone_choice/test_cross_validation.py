"""A probe's answers on images that it was not fitted on, over several divisions into folds."""

import numpy as np
import pytest

from training.backbone_choice.cross_validation import ChoiceImages, cross_validate, num_divisions
from training.runtime.arrays import Integers

pytestmark = pytest.mark.training

NUM = 120
TARGETS = np.arange(NUM) % 3
EMBEDDINGS = (np.random.default_rng(0).normal(size=(NUM, 8)) + 1.2 * np.eye(8)[TARGETS]).astype(
    np.float32
)


def images(*divisions: Integers) -> ChoiceImages:
    return ChoiceImages(
        images=(None,) * NUM,  # type: ignore[arg-type]
        targets=TARGETS,
        divisions=divisions,
        balanced=False,
    )


def test_answers_are_a_mean_over_the_divisions() -> None:
    """Which images share a fold decides some answers; a single division would take that for evidence."""
    first, second = np.arange(NUM) // 3 % 5, np.arange(NUM) // 24
    everything = np.arange(NUM)
    both = cross_validate(EMBEDDINGS, images(first, second), everything)
    assert set(np.unique(both.correct)) == {0.0, 0.5, 1.0}
    one = cross_validate(EMBEDDINGS, images(first), everything)
    assert set(np.unique(one.correct)) == {0.0, 1.0}


def test_a_division_that_puts_a_class_of_a_part_into_one_fold_is_left_out() -> None:
    first, one_fold = np.arange(NUM) // 3 % 5, TARGETS
    both = cross_validate(EMBEDDINGS, images(first, one_fold), np.arange(NUM))
    alone = cross_validate(EMBEDDINGS, images(first), np.arange(NUM))
    np.testing.assert_array_equal(both.losses, alone.losses)


def test_few_images_are_divided_more_often() -> None:
    assert [num_divisions(count) for count in (35, 200, 600, 5000)] == [20, 10, 3, 3]
