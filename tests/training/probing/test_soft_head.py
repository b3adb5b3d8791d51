"""A head fitted to probabilities: that of scikit-learn where these are classes."""

import numpy as np
import pytest

from training.probing.probe import fit_head
from training.probing.soft_head import SoftHeadFitter
from training.probing.teacher_answers import TeacherAnswers

pytestmark = pytest.mark.training


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_on_classes_it_is_the_head_of_scikit_learn(strength: float) -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 120)
    embeddings = (rng.normal(size=(120, 8)) + np.eye(3, 8)[targets]).astype(np.float32)
    soft = SoftHeadFitter(embeddings, np.eye(3, dtype=np.float32)[targets]).fit(strength)
    hard = fit_head(embeddings, targets, C=strength)
    assert np.allclose(soft.logits(embeddings), hard.logits(embeddings), atol=0.02)


def test_label_and_teacher_weigh_the_same_and_where_nobody_was_asked_the_label_counts() -> None:
    known = np.array([[0.2, 0.8], [np.nan, np.nan]], dtype=np.float32)
    answers = TeacherAnswers(
        teacher="any/1",
        known=known,
        seen=np.zeros(2, np.bool_),
        refitted=None,
        unlabelled=None,
        unlabelled_rows=np.arange(0),
        unlabelled_embeddings=np.zeros((0, 4), np.float32),
        unlabelled_answers=np.zeros((0, 2), np.float32),
    )
    found = answers.targets(np.array([0, 1]), np.array([0, 1]))
    assert np.allclose(found, [[0.6, 0.4], [0.0, 1.0]])
