"""Images far from their class."""

import numpy as np
import pytest

from tests.training.audit.test_suspect_labels import clusters
from training.audit.outliers import find_outliers

pytestmark = pytest.mark.training


def test_the_image_that_is_far_from_its_class_comes_first() -> None:
    embeddings, targets = clusters()
    embeddings[7] = -embeddings[7]
    found = find_outliers(embeddings, targets, np.arange(len(targets)))
    assert found[0].row == 7
    assert [o.score for o in found] == sorted((o.score for o in found), reverse=True)


def test_copies_of_an_outlier_do_not_hide_it() -> None:
    embeddings, targets = clusters()
    embeddings[:6] = -embeddings[0]
    groups = np.arange(len(targets))
    groups[:6] = 0
    rows = {outlier.row for outlier in find_outliers(embeddings, targets, groups)}
    assert rows >= set(range(6))


def test_a_small_class_has_no_outliers() -> None:
    embeddings, targets = clusters()
    embeddings[0] = -embeddings[0]
    few = np.flatnonzero((targets > 0) | (np.arange(len(targets)) < 9))
    found = find_outliers(embeddings[few], targets[few], np.arange(len(few)))
    assert 0 not in {outlier.row for outlier in found}
