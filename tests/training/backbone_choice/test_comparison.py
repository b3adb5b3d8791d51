"""Which of several backbones is chosen, by their answers on the same images."""

import numpy as np
import pytest

from training.backbone_choice.comparison import clearly_behind, pick_cheapest_of_the_best
from training.backbone_choice.cross_validation import Answers

pytestmark = pytest.mark.training


def answers(*wrong: int, images: int = 400) -> Answers:
    """Return answers of which those with the given numbers are wrong."""
    correct = np.ones(images)
    correct[list(wrong)] = 0
    return Answers(correct=correct, losses=np.where(correct > 0, 0.1, 2.0), C=1.0)


def test_a_cheaper_one_is_chosen_where_the_best_is_better_by_a_chance_image() -> None:
    pick = pick_cheapest_of_the_best([answers(0, 1, 2), answers(0, 1)], [5.0, 50.0])
    assert (pick.best, pick.chosen) == (1, 0)


def test_the_best_is_chosen_where_a_cheaper_one_is_behind_by_more_than_chance() -> None:
    pick = pick_cheapest_of_the_best([answers(*range(20)), answers(0, 1)], [5.0, 50.0])
    assert (pick.best, pick.chosen) == (1, 1)


def test_it_is_the_difference_on_the_same_images_whose_error_counts() -> None:
    """Two that err alike differ by little chance, however unsure either accuracy is."""
    hard = range(100, 200)
    pick = pick_cheapest_of_the_best([answers(*range(6), *hard), answers(*hard)], [5.0, 50.0])
    assert pick.chosen == 1


def test_only_what_is_behind_beyond_chance_is_dropped_early() -> None:
    leader = answers(0, 1)
    assert clearly_behind(answers(*range(40)), leader)
    assert not clearly_behind(answers(*range(4)), leader)
