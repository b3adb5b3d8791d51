"""All candidates opened that can be had in time, and why the others are left out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from training.backbone_choice.candidate_list import CandidateBackbone
from training.backbone_choice.opened_candidate import (
    OpenedCandidate,
    build_candidate,
    is_here,
    is_of_the_hub,
    open_candidate,
    why_out_of_reach,
)
from training.backbone_choice.speed import timed
from training.backbones.build import Backbone
from training.backbones.hubs import hub_silence
from training.errors import TrainingError, WeightsError
from training.runtime.progress import Display
from training.runtime.time_budget import TimeBudget

_STAGE: Final = "opening backbones"
_NO_TIME: Final = "preparing it would take longer than the time budget leaves for choosing"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfReach:
    """A candidate that is not tried, and why, in words."""

    reason: str


Opened = OpenedCandidate | OutOfReach


class Hub:
    """Whether the hub answers, asked once and only if somebody needs it."""

    def __init__(self) -> None:
        self._asked = False
        self._silence: str | None = None

    def why_out_of_reach(self, candidate: CandidateBackbone, *, may_ask: bool = True) -> str | None:
        """Return why a candidate's weights cannot be had, as far as is known before they are fetched."""
        wanted = is_of_the_hub(candidate) and not (is_here(candidate) or candidate.config.offline)
        if wanted and may_ask and not self._asked:
            self._asked, self._silence = True, hub_silence()
        return why_out_of_reach(candidate, self._silence)


def build_first(
    candidates: Sequence[CandidateBackbone], hub: Hub
) -> tuple[int, Backbone, dict[int, OutOfReach]]:
    """Return the first candidate that can be had, its index, and those before it that cannot.

    Raises:
        WeightsError: there is none.
    """
    refused: dict[int, OutOfReach] = {}
    for index, candidate in enumerate(candidates):
        reason = hub.why_out_of_reach(candidate)
        if reason is None:
            try:
                return index, build_candidate(candidate), refused
            except TrainingError as err:
                reason = _first_clause(err)
        refused[index] = OutOfReach(reason=reason)
    listed = "".join(
        f"\n  {candidates[index].name}: {one.reason}" for index, one in refused.items()
    )
    raise WeightsError(
        f"--backbone auto has no candidate that can be had:{listed}\nconnect, give files of weights "
        "(--candidates 'NAME weights=FILE'), or leave --candidates out: the weights of EfficientNet-Lite0, "
        "1 and 2 are installed with training"
    )


def open_others(
    candidates: Sequence[CandidateBackbone],
    known: dict[int, Opened],
    num_classes: int,
    *,
    hub: Hub,
    budget: TimeBudget,
    display: Display,
) -> dict[int, Opened]:
    """Return every candidate, opened and timed, or why not, by index; some are `known` already."""
    opened = dict(known)
    remaining = [index for index in range(len(candidates)) if index not in known]
    longest_s = 0.0
    with display.bar(_STAGE, len(remaining)) as advance:
        for index in remaining:
            began = time.monotonic()
            opened[index] = _open(
                candidates[index], num_classes, hub, in_time=budget.has(longest_s)
            )
            longest_s = max(longest_s, time.monotonic() - began)
            advance(1)
    had = {i: one for i, one in opened.items() if isinstance(one, OpenedCandidate)}
    with display.stage("timing backbones"):
        opened |= timed(had)
    return {index: opened[index] for index in sorted(opened)}


def _open(candidate: CandidateBackbone, num_classes: int, hub: Hub, *, in_time: bool) -> Opened:
    reason = hub.why_out_of_reach(candidate, may_ask=in_time)
    if reason is not None:
        return OutOfReach(reason=reason)
    if not in_time:
        return OutOfReach(reason=_NO_TIME)
    try:
        return open_candidate(candidate, num_classes)
    except TrainingError as err:
        return OutOfReach(reason=_first_clause(err))


def _first_clause(err: TrainingError) -> str:
    """Return what is wrong, without what to do about it: there are other candidates."""
    return str(err).partition(";")[0]
