"""What is asked of the person, one image at a time: the most suspect labels first.

Suspect labels come first as the audit found them, then, for as long as answers change labels, the next ones
in doubt: a folder with many wrong labels is asked about further than one with few.

Each question shows an image beside the nearest of its class and of the class that it looks like. What has
been answered is not asked again.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from studio.analysis.reader import LabelledImages
from studio.review.neighbours import nearest_of_class
from training.runtime.arrays import Integers

Kind = Literal["suspect_labels", "conflicting_labels", "outliers"]
# Further questions come while at least two of the last ten answers changed a label; so many are shown ahead.
_LAST_ANSWERS: Final = 10
_FEWEST_CHANGED: Final = 2
_AHEAD: Final = 4
KINDS: Final[tuple[Kind, ...]] = ("suspect_labels", "conflicting_labels", "outliers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One image to be judged.

    Attributes:
        row: of the image.
        copies: rows of the same photo that an answer is for, too.
        label: the class that it has now.
        guess: the class that it looks like.
        confidence: 0..1, the probability of `label` by images other than this one.
        like_label, like_guess: rows of the nearest images of the two classes.
    """

    row: int
    copies: tuple[int, ...]
    label: int
    guess: int
    confidence: float
    like_label: tuple[int, ...]
    like_guess: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many questions of a kind there are, and how many have their answer."""

    total: int
    answered: int


def open_questions(images: LabelledImages, kind: Kind, *, limit: int) -> list[Question]:
    """Return the next questions that have no answer."""
    found = []
    for group in _groups(images, kind):
        if not images.is_answered(group[0]):
            found.append(_ask(images, group))
        if len(found) == limit:
            break
    return found


def progress_of(images: LabelledImages, kind: Kind) -> Progress:
    """Count the questions of a kind."""
    answered = [images.is_answered(group[0]) for group in _groups(images, kind)]
    return Progress(total=len(answered), answered=sum(answered))


def _groups(images: LabelledImages, kind: Kind) -> Iterator[tuple[int, ...]]:
    """Yield the image of each question, with those that share its answer."""
    analysis = images.analysis
    if kind == "suspect_labels":
        yield from ((row,) for row in _doubtful(images))
    elif kind == "outliers":
        suspects = {suspect.row for suspect in analysis.suspects}
        yield from ((row,) for row in analysis.outliers if row not in suspects)
    else:
        yield from analysis.conflicts


def _doubtful(images: LabelledImages) -> Iterator[int]:
    """Yield the suspects, then others in doubt while of the last answers enough changed a label."""
    analysis = images.analysis
    suspects = [suspect.row for suspect in analysis.suspects]
    answered = deque((r for r in suspects if images.is_answered(r)), maxlen=_LAST_ANSWERS)
    changed = deque((_is_changed(images, row) for row in answered), maxlen=_LAST_ANSWERS)
    yield from suspects
    ahead = 0
    for row in _next_in_doubt(images, set(suspects)):
        if sum(changed) < _FEWEST_CHANGED or ahead == _AHEAD:
            return
        yield row
        if images.is_answered(row):
            changed.append(_is_changed(images, row))
        else:
            ahead += 1


def _next_in_doubt(images: LabelledImages, asked: set[int]) -> list[int]:
    """Return the other rows that look like another class than theirs, the least confident first."""
    analysis = images.analysis
    rows = np.flatnonzero(analysis.likeliest != images.indexed.labels)
    order = rows[np.argsort(analysis.confidence[rows], kind="stable")]
    return [int(row) for row in order if int(row) not in asked]


def _is_changed(images: LabelledImages, row: int) -> bool:
    return int(images.current[row]) != images.analysis.images[row].label


def _ask(images: LabelledImages, group: tuple[int, ...]) -> Question:
    analysis, row = images.analysis, group[0]
    label = analysis.images[row].label
    others = [analysis.images[copy].label for copy in group if analysis.images[copy].label != label]
    guess = others[0] if others else int(analysis.likeliest[row])
    trusted = _trusted(images)
    return Question(
        row=row,
        copies=group[1:],
        label=label,
        guess=guess,
        confidence=float(analysis.confidence[row]),
        like_label=tuple(
            nearest_of_class(analysis, row, trusted[images.current[trusted] == label])
        ),
        like_guess=tuple(
            nearest_of_class(analysis, row, trusted[images.current[trusted] == guess])
        ),
    )


def _trusted(images: LabelledImages) -> Integers:
    """Return the rows whose label nobody doubts, or the person has said: examples are taken of these."""
    doubted = [s.row for s in images.analysis.suspects if not images.is_answered(s.row)]
    mask = np.ones(len(images.analysis.images), dtype=np.bool_)
    mask[doubted] = False
    return np.flatnonzero(mask)
