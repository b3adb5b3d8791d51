"""Two backbones on the same images, and which of several is worth its price."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.backbone_choice.cross_validation import Answers
from training.runtime.arrays import Doubles

# Standard errors by which a candidate has to be behind, in loss and in accuracy, to be dropped early.
_CLEARLY: Final = 1.64


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The mean of what one has more than the other on the same images, and its standard error."""

    mean: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Which is the best, and which is the cheapest that is as good as can be told.

    `behind` is the accuracy, 0..1, that each is behind the best.
    """

    best: int
    chosen: int
    behind: tuple[Difference, ...]


def difference(one: Doubles, other: Doubles) -> Difference:
    """Return by how much `one` exceeds `other`, image by image (M,)."""
    gaps = one - other
    if len(gaps) < 2:
        return Difference(mean=float(gaps.mean()), error=np.inf)
    return Difference(mean=float(gaps.mean()), error=float(gaps.std(ddof=1) / np.sqrt(len(gaps))))


def clearly_behind(candidate: Answers, leader: Answers) -> bool:
    """Whether a candidate is behind on a part of the images by more than chance, in loss and accuracy."""
    loss = difference(candidate.losses, leader.losses)
    accuracy = difference(leader.correct, candidate.correct)
    return all(gap.mean > _CLEARLY * gap.error for gap in (loss, accuracy))


def pick_cheapest_of_the_best(answers: Sequence[Answers], costs: Sequence[float]) -> Pick:
    """Return the cheapest of those within one standard error of the most accurate.

    The rule of Breiman et al. 1984 ("Classification and Regression Trees", 3.4.3), with the error of the
    difference on the same images in place of that of either figure.
    """
    best = max(range(len(answers)), key=lambda i: (answers[i].accuracy, -answers[i].nll))
    behind = tuple(difference(answers[best].correct, one.correct) for one in answers)
    near = [i for i, gap in enumerate(behind) if i == best or gap.mean <= gap.error]
    return Pick(best=best, chosen=min(near, key=lambda i: costs[i]), behind=behind)
