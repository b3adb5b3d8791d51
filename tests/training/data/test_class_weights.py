"""Weights of classes."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.data.reading import read, split
from tests.training.folders import write_class
from training.backbones.build import Backbone
from training.data.class_weights import class_weights, is_imbalanced
from training.data.split import Dataset

pytestmark = pytest.mark.training


def test_classes_of_very_different_size_are_weighed(backbone: Backbone, tmp_path: Path) -> None:
    write_class(tmp_path / "photos" / "red", 0, count=100)
    write_class(tmp_path / "photos" / "blue", 2, count=20)
    dataset = split(read(tmp_path / "photos", tmp_path, spec=backbone.spec))
    weights = class_weights(dataset)
    assert weights is not None
    counts = np.bincount(dataset.targets("train"))
    assert np.allclose(weights * counts, counts.sum() / 2)


def test_classes_of_like_size_are_not_weighed(dataset: Dataset) -> None:
    assert class_weights(dataset) is None
    assert not is_imbalanced(dataset)
