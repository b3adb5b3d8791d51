"""Rounds of a comparison: on some of the images first, on the others only who is not clearly behind.

What costs time are features: a candidate that is dropped after the first round costs a third of them at most.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from training.backbone_choice.comparison import clearly_behind
from training.backbone_choice.cross_validation import Answers, ChoiceImages, cross_validate
from training.runtime.arrays import Floats, Integers
from training.runtime.time_budget import describe_duration


class Entrant(Protocol):
    """A backbone that can be asked for the features of images."""

    @property
    def expected_image_s(self) -> float:
        """Seconds that one image's features take; 0 where they are there."""

    def embed(self, positions: Integers) -> Floats:
        """Return the embeddings (M, D) of the images at some positions (M,)."""


@dataclass(slots=True, kw_only=True)
class Standing:
    """How far an entrant came.

    Attributes:
        answers: on the images at `positions`; None where it was not tried.
        out: why it takes no further part; None while it does.
    """

    answers: Answers | None = None
    positions: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    out: str | None = None
    _embeddings: Floats | None = None
    _seconds: float = 0.0

    def run(self, entrant: Entrant, images: ChoiceImages, positions: Integers) -> None:
        """Evaluate it on the images at `positions`; features are only computed of those not seen yet."""
        new = np.setdiff1d(positions, self.positions)
        began = time.monotonic()
        embedded = entrant.embed(new)
        self._seconds += time.monotonic() - began
        order = np.argsort(np.concatenate([self.positions, new]), kind="stable")
        known = (
            embedded if self._embeddings is None else np.concatenate([self._embeddings, embedded])
        )
        self._embeddings, self.positions = known[order], positions
        self.answers = cross_validate(self._embeddings, images, positions)

    def needs_s(self, entrant: Entrant, positions: Integers) -> float:
        """Return the seconds that the features of so many images will take."""
        new = len(positions) - len(self.positions)
        seen = len(self.positions)
        return new * (self._seconds / seen if seen else entrant.expected_image_s)

    @property
    def nll(self) -> float:
        """Its loss so far."""
        return np.inf if self.answers is None else self.answers.nll


def race(
    entrants: Sequence[Entrant], images: ChoiceImages, *, seconds_left: Callable[[], float]
) -> list[Standing]:
    """Return how far each came. Those with no `out` were evaluated on the same images.

    The first entrant takes part however little time is left.
    """
    standings = [Standing() for _ in entrants]
    first, everything = images.first_part(), np.arange(len(images))
    if first is not None and len(entrants) > 1:
        _run_round(entrants, standings, images, first, seconds_left)
        _drop_losers(standings)
        if not _room_for_two(entrants, standings, everything, seconds_left()):
            return standings
    _run_round(entrants, standings, images, everything, seconds_left)
    return standings


def _run_round(
    entrants: Sequence[Entrant],
    standings: Sequence[Standing],
    images: ChoiceImages,
    positions: Integers,
    seconds_left: Callable[[], float],
) -> None:
    """Evaluate who is in, who has the lowest loss first, for as long as there is time."""
    order = sorted(range(len(entrants)), key=lambda i: standings[i].nll)
    for place, index in enumerate(order):
        standing = standings[index]
        if standing.out is not None:
            continue
        needed_s = standing.needs_s(entrants[index], positions)
        if place > 0 and needed_s > seconds_left():
            standing.out = (
                f"its features would take {describe_duration(needed_s)}, longer than the time budget leaves "
                "for choosing"
            )
            continue
        standing.run(entrants[index], images, positions)


def _drop_losers(standings: Sequence[Standing]) -> None:
    running = [one for one in standings if one.out is None]
    leader = min(running, key=lambda one: one.nll)
    assert leader.answers is not None
    for one in running:
        if one is not leader and one.answers and clearly_behind(one.answers, leader.answers):
            one.out = f"clearly behind on the first {len(one.positions)} images"


def _room_for_two(
    entrants: Sequence[Entrant],
    standings: Sequence[Standing],
    positions: Integers,
    left_s: float,
) -> bool:
    """Whether the next round would leave two to compare, or there is nothing left to compare."""
    needs = [
        one.needs_s(entrant, positions)
        for entrant, one in zip(entrants, standings, strict=True)
        if one.out is None
    ]
    return len(needs) == 1 or sum(sorted(needs)[:2]) <= left_s
