"""The choice: limits applied, a race on the person's own images, and the cheapest of the best."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inference.backbone_choice import BackboneChoice, BackboneTrial
from training.backbone_choice.comparison import Difference, Pick, pick_cheapest_of_the_best
from training.backbone_choice.cross_validation import Answers, ChoiceImages
from training.backbone_choice.image_entrant import ImageEntrant
from training.backbone_choice.limits import within_limits
from training.backbone_choice.open_all import Opened
from training.backbone_choice.opened_candidate import OpenedCandidate
from training.backbone_choice.race import Standing, race
from training.backbone_choice.table import describe_choice, describe_trials
from training.backbone_choice.trial import make_trial
from training.config import FinetuneConfig
from training.runtime.progress import Display
from training.runtime.time_budget import TimeBudget, describe_duration

# How near to the best is as good as can be told; see `comparison`.
_NEAR: Final = "one standard error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """What is to be chosen from, and within what.

    Attributes:
        opened: every candidate by its index, opened or why not.
        names: the name of each.
        entrants: what computes the features of those that are opened.
        budget: the part of the run's time that choosing may take.
    """

    opened: Mapping[int, Opened]
    names: Mapping[int, str]
    entrants: Mapping[int, ImageEntrant]
    images: ChoiceImages
    config: FinetuneConfig
    display: Display
    budget: TimeBudget

    def choose(self) -> BackboneChoice:
        """Try the candidates and say, in a table, how good each is and which is chosen.

        Raises:
            BackboneError: none is within the limits of the options.
        """
        began = time.monotonic()
        running = within_limits(self.opened, self.names, self.config, self.display)
        standings = race(
            [self.entrants[index] for index in running],
            self.images,
            seconds_left=lambda: self.budget.left_s,
        )
        by_index = dict(zip(running, standings, strict=True))
        finished = [index for index in running if by_index[index].out is None]
        pick = pick_cheapest_of_the_best(
            [_answers(by_index[index]) for index in finished],
            [self._candidate(index).ms for index in finished],
        )
        outcomes = dict(zip(finished, _outcomes(pick), strict=True))
        trials = [
            self._trial(index, by_index.get(index), outcomes.get(index)) for index in self.opened
        ]
        chosen = finished[pick.chosen]
        choice = BackboneChoice(
            chosen=list(self.opened).index(chosen),
            reason=_reason(pick, self.names[finished[pick.best]]),
            seconds=round(time.monotonic() - began, 1),
            trials=tuple(trials),
        )
        for line in describe_choice(choice):
            self.display.line(line)
        return choice

    def describe_plan(self) -> None:
        """Say what would be tried, and about how long that takes."""
        running = within_limits(self.opened, self.names, self.config, self.display)
        needed_s = sum(
            len(self.images) * self.entrants[index].expected_image_s for index in running
        )
        for line in describe_trials([self._trial(index, None, None) for index in self.opened]):
            self.display.line(line)
        self.display.line(
            f"to choose, the run computes features of {len(self.images)} images by {len(running)} backbones, "
            f"about {describe_duration(needed_s)} at most; who is clearly behind on some is dropped"
        )
        if not self.budget.has(needed_s):
            left = describe_duration(max(self.budget.left_s, 0))
            self.display.line(
                f"time budget: choosing may take {left}; what does not fit is left out"
            )

    def _candidate(self, index: int) -> OpenedCandidate:
        candidate = self.opened[index]
        assert isinstance(candidate, OpenedCandidate)
        return candidate

    def _trial(self, index: int, standing: Standing | None, outcome: str | None) -> BackboneTrial:
        return make_trial(
            self.names[index], self.opened[index], self.config, standing=standing, outcome=outcome
        )


def _answers(standing: Standing) -> Answers:
    assert standing.answers is not None
    return standing.answers


def _reason(pick: Pick, best: str) -> str:
    if len(pick.behind) == 1:
        return "the only one that was compared to the end"
    if pick.chosen == pick.best:
        return f"the best, and none that is cheaper is within {_NEAR} of it"
    gap = pick.behind[pick.chosen]
    return f"the cheapest within {_NEAR} of the best ({best}): {_points(gap)} behind"


def _outcomes(pick: Pick) -> list[str]:
    outcomes = []
    for index, gap in enumerate(pick.behind):
        if index == pick.chosen:
            outcomes.append("chosen" + ("" if index == pick.best else f", {_points(gap)} behind"))
        elif index == pick.best:
            outcomes.append("the best, by no more than a standard error, and slower")
        else:
            outcomes.append(f"{_points(gap)} behind")
    return outcomes


def _points(gap: Difference) -> str:
    return f"{100 * gap.mean:.1f} ± {100 * gap.error:.1f} points"
