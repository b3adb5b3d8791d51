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


def test_a_cheaper_one_is_chosen_where_its_loss_is_higher_by_chance() -> None:
    pick = pick_cheapest_of_the_best([answers(*range(21)), answers(*range(20, 40))], [5.0, 50.0])
    assert (pick.best, pick.chosen) == (1, 0)


def test_a_cheaper_one_is_not_chosen_for_being_within_a_whole_standard_error() -> None:
    pick = pick_cheapest_of_the_best([answers(*range(25)), answers(*range(25, 45))], [5.0, 50.0])
    assert pick.behind[0].mean < pick.behind[0].error
    assert pick.chosen == 1


def test_the_loss_decides_where_the_accuracy_is_the_same() -> None:
    sure = answers(0, 1)
    unsure = Answers(correct=sure.correct, losses=sure.losses + 0.1, C=1.0)
    assert pick_cheapest_of_the_best([unsure, sure], [5.0, 50.0]).chosen == 1


def test_it_is_the_difference_on_the_same_images_whose_error_counts() -> None:
    """Two that err alike differ by little chance, however unsure either loss is."""
    hard = range(100, 200)
    pick = pick_cheapest_of_the_best([answers(*range(6), *hard), answers(*hard)], [5.0, 50.0])
    assert pick.chosen == 1


def test_only_what_is_behind_beyond_chance_is_dropped_early() -> None:
    leader = answers(0, 1)
    assert clearly_behind(answers(*range(40)), leader)
    assert not clearly_behind(answers(2, 3, 4), leader)
