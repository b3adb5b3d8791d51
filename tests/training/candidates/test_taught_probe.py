"""Whether a teacher helps: what the student, and the teacher, may have seen of an image."""

from dataclasses import replace

import numpy as np
import pytest

from training.candidates.candidate import Candidate
from training.candidates.taught_probe import Lesson, compare_with_taught
from training.data.split import Dataset
from training.probing.probe import fit_head
from training.probing.refitted_teacher import RefittedTeacher
from training.probing.teacher_answers import TeacherAnswers
from training.runtime.arrays import Floats, Integers

pytestmark = pytest.mark.training

_NUM_IMAGES = 60


def learnt_by_heart(dataset: Dataset, embeddings: Floats) -> TeacherAnswers:
    """Return the answers of a teacher that knows all labels, for images that are nearly the labelled ones."""
    rows = np.concatenate([dataset.rows("train"), dataset.rows("val")])
    targets = np.concatenate([dataset.targets("train"), dataset.targets("val")])
    noise = np.random.default_rng(1).normal(scale=0.1, size=embeddings.shape)
    unlabelled = (embeddings + noise).astype(np.float32)
    refitted = RefittedTeacher(
        embeddings=embeddings,
        unlabelled_embeddings=unlabelled,
        rows=rows,
        targets=targets,
        C=10.0,
        temperature=1.0,
        balanced=False,
    )
    head = fit_head(embeddings[rows], targets, C=10.0)
    known, said = refitted.without(rows[:0])
    assert (head.logits(embeddings[rows]).argmax(axis=1) == targets).all()
    seen = np.zeros(len(embeddings), dtype=np.bool_)
    seen[rows] = True
    return TeacherAnswers(
        teacher="any/1",
        known=known,
        seen=seen,
        refitted=refitted,
        unlabelled=None,
        unlabelled_rows=np.arange(len(unlabelled)),
        unlabelled_embeddings=unlabelled,
        unlabelled_answers=said,
    )


def compare(
    probe: Candidate, dataset: Dataset, answers: TeacherAnswers, groups: Integers
) -> Floats:
    """Return how the taught head did, image by image, on embeddings that tell nothing of the classes."""
    lesson = Lesson(embeddings=EMBEDDINGS, dataset=dataset, answers=answers)
    one = replace(probe, C=10.0)
    found = compare_with_taught(one, replace(one, teacher="any/1"), lesson, groups, seed=0)
    return found.trained.correct.astype(np.float32)


EMBEDDINGS = np.random.default_rng(0).normal(size=(_NUM_IMAGES, 128)).astype(np.float32)
ALONE = np.arange(_NUM_IMAGES)


def test_no_label_of_an_image_comes_back_to_it_by_the_teachers_answers_for_others(
    probe: Candidate, dataset: Dataset
) -> None:
    answers = learnt_by_heart(dataset, EMBEDDINGS)
    assert compare(probe, dataset, answers, ALONE).mean() < 0.6
    leaking = replace(answers, refitted=None, seen=np.zeros_like(answers.seen))
    assert compare(probe, dataset, leaking, ALONE).mean() > 0.9


def test_of_a_teacher_that_cannot_be_fitted_again_what_it_has_seen_does_not_count(
    probe: Candidate, dataset: Dataset
) -> None:
    answers = learnt_by_heart(dataset, EMBEDDINGS)
    seen = answers.seen.copy()
    seen[dataset.rows("val")[:4]] = False
    assert len(compare(probe, dataset, replace(answers, refitted=None, seen=seen), ALONE)) == 4


def test_copies_are_held_out_together_and_count_once(probe: Candidate, dataset: Dataset) -> None:
    """Of each two images with one embedding, a head that has seen the one would know the other."""
    images = [*dataset.splits["train"], *dataset.splits["val"]]
    by_class = [[i.row for i in images if i.file.label == label] for label in dataset.labels]
    embeddings, groups = EMBEDDINGS.copy(), ALONE.copy()
    for rows in by_class:
        for one, other in zip(rows[::2], rows[1::2], strict=False):
            embeddings[other], groups[other] = embeddings[one], one
    lesson = Lesson(
        embeddings=embeddings,
        dataset=replace(dataset, photos=groups),
        answers=learnt_by_heart(dataset, embeddings),
    )
    candidate = replace(probe, C=10.0)
    found = compare_with_taught(candidate, candidate, lesson, groups, seed=0)
    assert len(found.probe.losses) == len(np.unique(groups[[i.row for i in images]]))
    assert found.probe.correct.mean() < 0.6


def test_a_teacher_helps_without_unlabelled_images_too(probe: Candidate, dataset: Dataset) -> None:
    answers = learnt_by_heart(dataset, EMBEDDINGS)
    none = replace(
        answers,
        refitted=None,
        unlabelled_rows=np.arange(0),
        unlabelled_embeddings=EMBEDDINGS[:0, :0],  # nobody has computed any
        unlabelled_answers=answers.unlabelled_answers[:0],
    )
    asked = len(dataset.splits["train"]) + len(dataset.splits["val"])
    assert (
        len(compare(probe, dataset, replace(none, seen=np.zeros_like(none.seen)), ALONE)) == asked
    )
