"""Which training images others are held against: all, or as many of each class."""

import numpy as np
import pytest

from training.data.split import Dataset
from training.ood.reference_images import choose_reference_images

pytestmark = pytest.mark.training


def test_all_images_where_they_are_few(dataset: Dataset) -> None:
    chosen = choose_reference_images(dataset, seed=0)
    assert chosen.tolist() == list(range(len(dataset.splits["train"])))


@pytest.mark.parametrize("at_most", [3, 10, 41])
def test_of_many_images_as_many_of_each_class(dataset: Dataset, at_most: int) -> None:
    chosen = choose_reference_images(dataset, seed=0, at_most=at_most)
    counts = np.bincount(dataset.targets("train")[chosen], minlength=3)
    assert counts.sum() == len(set(chosen.tolist())) == at_most
    assert counts.max() - counts.min() <= 1
    assert chosen.tolist() == sorted(chosen.tolist())


def test_the_seed_chooses(dataset: Dataset) -> None:
    first, same, other = (
        choose_reference_images(dataset, seed=s, at_most=9).tolist() for s in (0, 0, 1)
    )
    assert first == same != other
