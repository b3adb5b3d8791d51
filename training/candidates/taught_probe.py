"""The linear probe with a teacher, and whether it is better than the one without."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from training.assessment.validation_result import validation_result
from training.candidates.candidate import Candidate
from training.candidates.labelled_images import LabelledImages
from training.candidates.selection import PairedComparison
from training.candidates.taught_heads import TaughtHeads
from training.data.class_weights import is_imbalanced
from training.data.split import Dataset
from training.probing.probe import fit_head
from training.probing.teacher_answers import TeacherAnswers
from training.runtime.arrays import Flags, Floats, Integers
from training.runtime.progress import Display

# On so many the losses of two heads are told apart; further folds would take time and tell little more.
_ENOUGH_IMAGES: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a student learns from.

    Attributes:
        embeddings: (N, D), the student's, by `ScannedImage.row`.
        dataset: the images that have a label.
        answers: the teacher's.
    """

    embeddings: Floats
    dataset: Dataset
    answers: TeacherAnswers

    @property
    def heads(self) -> TaughtHeads:
        """What fits heads to all of it."""
        return TaughtHeads(self.embeddings, self.dataset, self.answers)


def make_taught_probe(
    probe: Candidate, lesson: Lesson, display: Display, *, flipped: Floats | None = None
) -> Candidate:
    """Return what the probe becomes with a teacher.

    Args:
        probe: without one, of the same data.
        lesson: what it learns from.
        display: shows how far it is.
        flipped: embeddings of the images of the published head, flipped, where these keep their class.
    """
    dataset, teacher, heads = lesson.dataset, lesson.answers.teacher, lesson.heads
    with display.stage(f"fitting the head with {teacher} as teacher"):
        trials = heads.search(probe.C or 1.0)
        C, logits = min(trials, key=lambda trial: heads.loss(trial[1]))
        start, head = heads.start(C), heads.published(C, flipped)
    return replace(
        probe,
        head=head,
        start_head=start,
        val_logits=logits,
        accuracy=float((logits.argmax(axis=1) == dataset.targets("val")).mean()),
        nll=heads.loss(logits),
        spread=None,
        C=C,
        notes=tuple(heads.describe(*trial, kept=trial[0] == C) for trial in trials),
        teacher=teacher,
    )


def compare_with_taught(
    probe: Candidate, taught: Candidate, lesson: Lesson, groups: Integers, *, seed: int
) -> PairedComparison:
    """Return how both do on all images with a label, training images too, cross-validated.

    Neither the heads nor the teacher have seen the images of a fold. Of a teacher that cannot be fitted
    again only images that it has not learnt from count. C is that of each candidate. Validation images alone
    are too few: of 90, eight points more accuracy could not be told from chance
    (docs/benchmarks/distillation-2026-11.md).

    Args:
        probe, taught: the two.
        lesson: what the second one learns from.
        groups: by row, which images belong together and stay in one fold.
        seed: of the folds.
    """
    heads, embeddings = lesson.heads, lesson.embeddings
    images = LabelledImages.of(lesson.dataset, groups, seed=seed)
    rows, targets, balanced = images.rows, images.targets, is_imbalanced(lesson.dataset)
    places: list[Integers] = []
    answers: list[tuple[Floats, Floats]] = []
    for out in _held_out(images, lesson.answers.tells[rows]):
        plain = fit_head(embeddings[rows[~out]], targets[~out], C=_C(probe), balanced=balanced)
        soft = heads.without(rows[out], rows[~out], targets[~out]).fit(_C(taught))
        shown = embeddings[rows[out]]
        answers.append((plain.logits(shown), soft.logits(shown)))
        places.append(np.flatnonzero(out))
    held_out = np.concatenate(places)
    counts = _counted(lesson, rows[held_out], targets[held_out])
    results = [
        validation_result(one.title, np.concatenate(logits)[counts], targets[held_out][counts])
        for one, logits in zip((probe, taught), zip(*answers, strict=True), strict=True)
    ]
    return PairedComparison(
        probe=results[0], trained=results[1], num_folds=len(places), images="labelled images"
    )


def _C(candidate: Candidate) -> float:  # noqa: N802 - what everybody calls it
    assert candidate.C is not None
    return candidate.C


def _held_out(images: LabelledImages, tells: Flags) -> Iterator[Flags]:
    """Yield which images (M,) are held out, fold after fold, until enough of them tell.

    All images of a class are never held out together.
    """
    num_telling = 0
    for fold in range(int(images.folds.max()) + 1):
        out = images.folds == fold
        out &= ~np.isin(images.targets, np.setdiff1d(images.targets, images.targets[~out]))
        if (out & tells).any() and num_telling < _ENOUGH_IMAGES:
            num_telling += int((out & tells).sum())
            yield out


def _counted(lesson: Lesson, rows: Integers, targets: Integers) -> Flags:
    """Return which images (M,) count: those that tell, and of several of one photo and class the first."""
    counts = lesson.answers.tells[rows]
    if (photos := lesson.dataset.photos) is not None:
        shown = np.stack([photos[rows], targets])[:, counts]
        first = np.flatnonzero(counts)[np.unique(shown, axis=1, return_index=True)[1]]
        counts = np.isin(np.arange(len(rows)), first)
    return counts
