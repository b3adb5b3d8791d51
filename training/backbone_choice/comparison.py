"""Two backbones on the same images, and which of several is worth its price."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.backbone_choice.cross_validation import Answers
from training.runtime.arrays import Doubles

# Standard errors of the loss that a cheaper backbone may be behind. One, as usual, costs more accuracy on
# test images than milliseconds are worth (docs/benchmarks/backbone-choice-2026-11.md).
_GIVEN_UP: Final = 0.5
# Standard errors by which a candidate has to be behind to be dropped early: 5 % of equals would be.
_CLEARLY: Final = 1.64


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The mean of what one has more than the other on the same images, and its standard error."""

    mean: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Which is the best, and which is the cheapest that is as good as can be told.

    `behind` is by how much the loss of each is higher than that of the best, in nats.
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
    """Whether a candidate's loss on a part of the images is higher by more than chance."""
    gap = difference(candidate.losses, leader.losses)
    return gap.mean > _CLEARLY * gap.error


def pick_cheapest_of_the_best(answers: Sequence[Answers], costs: Sequence[float]) -> Pick:
    """Return the cheapest of those within half a standard error of the lowest loss.

    After the rule of Breiman et al. 1984 ("Classification and Regression Trees", 3.4.3), with the error of
    the difference on the same images in place of that of either figure. The loss says sooner than the
    accuracy which backbone is more accurate on other images.
    """
    best = min(range(len(answers)), key=lambda i: answers[i].nll)
    behind = tuple(difference(one.losses, answers[best].losses) for one in answers)
    near = [i for i, gap in enumerate(behind) if i == best or gap.mean <= _GIVEN_UP * gap.error]
    return Pick(best=best, chosen=min(near, key=lambda i: costs[i]), behind=behind)
