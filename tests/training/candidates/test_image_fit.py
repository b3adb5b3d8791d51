"""Which fit is the best, and on which images that is found out."""

import dataclasses

import numpy as np
import pytest

from inference.preprocessing import Fit
from training.candidates.image_fit import FitTrial, best_fit, draw_sample, share_of_long
from training.data.scan import Scan
from training.data.split import Dataset

pytestmark = pytest.mark.training


def trial(fit: Fit, accuracy: float, losses: list[float]) -> FitTrial:
    return FitTrial(fit=fit, accuracy=accuracy, losses=np.array(losses))


CROP = trial("crop", 0.8, [1.0, 2.0, 1.5, 0.5] * 10)
BETTER = [0.7, 1.8, 1.2, 0.1] * 10


def test_the_fit_of_the_lowest_loss_is_chosen() -> None:
    squash = trial("squash", 0.8, [loss - 0.2 for loss in BETTER])
    assert best_fit([CROP, trial("pad", 0.9, BETTER), squash]) is squash


def test_crop_stays_where_another_is_better_by_chance_or_less_accurate() -> None:
    by_chance = [0.0, 3.8, 0.6, 0.4] * 10
    assert np.mean(by_chance) < CROP.nll
    assert best_fit([CROP, trial("pad", 0.9, by_chance)]) is CROP
    assert best_fit([CROP, trial("pad", 0.7, BETTER)]) is CROP


def test_images_longer_than_five_to_four_are_counted(scan: Scan) -> None:
    sizes = [(500, 400), (501, 400), (300, 400), (400, 400)]
    images = [
        dataclasses.replace(
            image, facts=dataclasses.replace(image.facts, width_px=width, height_px=height)
        )
        for image, (width, height) in zip(scan.images, sizes, strict=False)
    ]
    assert share_of_long(images) == 0.5


def test_the_sample_has_no_test_image_and_parts_no_group(dataset: Dataset, scan: Scan) -> None:
    groups = np.arange(len(scan.images)) // 2
    sample = draw_sample(dataset, groups, seed=0)
    assert sample is not None
    assert set(sample.rows) == {*dataset.rows("train"), *dataset.rows("val")}
    folds: dict[int, set[int]] = {}
    for row, fold in zip(sample.rows, sample.folds, strict=True):
        folds.setdefault(int(groups[row]), set()).add(int(fold))
    assert all(len(found) == 1 for found in folds.values())
    assert len(np.unique(sample.folds)) == 5
