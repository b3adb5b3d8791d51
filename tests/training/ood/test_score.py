"""The OOD score: near to a prototype and sure of a class is familiar."""

import numpy as np
import pytest

from inference.manifest import ScoreTerm
from training.ood.score import (
    MAX_PROTOTYPES,
    PROTOTYPES_PER_CLASS,
    OodScore,
    fit_ood_score,
    fit_prototypes,
    held_out_cosines,
    nearest_cosine,
)

pytestmark = pytest.mark.training

RNG = np.random.default_rng(0)


def clusters(per_class: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings around three axes of eight, and their classes."""
    targets = np.repeat(np.arange(3), per_class)
    embeddings = 5 * np.eye(8, dtype=np.float32)[targets]
    noise = RNG.normal(0, 0.3, embeddings.shape)
    return (embeddings + noise).astype(np.float32), targets


def test_the_score_is_the_sum_of_both_terms_in_deviations() -> None:
    score = OodScore(
        prototypes=np.array([[1, 0], [0, 1]], np.float32),
        max_logit=ScoreTerm(mean=2.0, deviation=4.0),
        prototype_cosine=ScoreTerm(mean=0.5, deviation=0.1),
    )
    logits = np.array([[10, 0, -1]], np.float32)
    embeddings = np.array([[3, 4]], np.float32)  # cosines 0.6 and 0.8
    assert score.score(logits, embeddings) == pytest.approx([(10 - 2) / 4 + (0.8 - 0.5) / 0.1])


def test_the_cosine_does_not_depend_on_the_length_and_zeros_have_none() -> None:
    prototypes = np.array([[1, 0]], np.float32)
    embeddings = np.array([[2, 0], [200, 0], [-1, 0], [0, 0]], np.float32)
    assert nearest_cosine(embeddings, prototypes) == pytest.approx([1, 1, -1, 0])


def test_prototypes_have_length_one_and_cover_each_class() -> None:
    embeddings, targets = clusters()
    prototypes = fit_prototypes(embeddings, targets)
    assert prototypes.shape == (3 * PROTOTYPES_PER_CLASS, 8)
    assert np.linalg.norm(prototypes, axis=1) == pytest.approx(np.ones(len(prototypes)))
    assert sorted(prototypes.argmax(axis=1)) == [0] * 4 + [1] * 4 + [2] * 4


@pytest.mark.parametrize("per_class", [1, 2, 4, 5])
def test_classes_of_few_or_equal_images_have_prototypes_too(per_class: int) -> None:
    targets = np.repeat(np.arange(2), per_class)
    embeddings = np.eye(4, dtype=np.float32)[targets]
    prototypes = fit_prototypes(embeddings, targets)
    assert nearest_cosine(embeddings, prototypes) == pytest.approx(np.ones(len(embeddings)))


def test_many_classes_have_one_prototype_each() -> None:
    num = MAX_PROTOTYPES + 1
    embeddings = RNG.normal(size=(2 * num, 6)).astype(np.float32)
    assert len(fit_prototypes(embeddings, np.repeat(np.arange(num), 2))) == num


def test_another_direction_and_an_unsure_answer_are_less_familiar() -> None:
    embeddings, targets = clusters()
    logits = embeddings[:, :3]
    score, known = fit_ood_score(
        embeddings,
        targets,
        val_logits=logits,
        val_cosines=held_out_cosines(embeddings, targets, embeddings),
    )
    elsewhere = 5 * np.eye(8, dtype=np.float32)[[6]]
    assert score.score(logits[:1], elsewhere) < known.min()
    assert score.score(np.zeros((1, 3), np.float32), embeddings[:1]) < known.min()


def test_held_out_images_have_scores_of_mean_zero() -> None:
    embeddings, targets = clusters()
    val, _ = clusters(10)
    _, scores = fit_ood_score(
        embeddings,
        targets,
        val_logits=val[:, :3],
        val_cosines=held_out_cosines(embeddings, targets, val),
    )
    assert scores.mean() == pytest.approx(0, abs=1e-4)


def test_with_folds_no_image_is_compared_with_itself() -> None:
    """Each image points in a direction of its own: held out, nothing is near to it."""
    embeddings, targets = np.eye(8, dtype=np.float32), np.arange(8) % 2
    folds = np.repeat(np.arange(4), 2)
    cosines = held_out_cosines(embeddings, targets, embeddings, folds=folds, val_folds=folds)
    assert cosines == pytest.approx(np.zeros(8))
    assert held_out_cosines(embeddings, targets, embeddings) == pytest.approx(np.ones(8))


def test_images_of_some_folds_are_compared_with_prototypes_of_the_others() -> None:
    embeddings, targets = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    folds = np.array([0, 0, 1, 1])
    one_fold = embeddings[2:] + embeddings[:2]
    cosines = held_out_cosines(embeddings, targets, one_fold, folds=folds, val_folds=folds[2:])
    assert cosines == pytest.approx(np.sqrt([0.5, 0.5]))


def test_one_validation_image_gives_a_finite_score() -> None:
    embeddings, targets = clusters()
    _, scores = fit_ood_score(
        embeddings,
        targets,
        val_logits=np.ones((1, 3), np.float32),
        val_cosines=held_out_cosines(embeddings, targets, embeddings[:1]),
    )
    assert scores.tolist() == pytest.approx([0])
