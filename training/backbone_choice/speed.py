"""How long the files of several candidates take for one image."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from training.backbone_choice.opened_candidate import OpenedCandidate

_MIN_ROUNDS: Final = 7
_MAX_ROUNDS: Final = 40
# Of all rounds, a candidate.
_TIMING_S: Final = 0.7


def timed(candidates: Mapping[int, OpenedCandidate]) -> dict[int, OpenedCandidate]:
    """Return the candidates with the median milliseconds that a single image takes.

    Timed in turn, so that what slows the machine meanwhile slows all of them; medians, so that a moment's
    interruption does not count.
    """
    spent: dict[int, list[float]] = {index: [] for index in candidates}
    for one in candidates.values():
        _run_s(one)
    ends = time.monotonic() + _TIMING_S * len(candidates)
    for done in range(_MAX_ROUNDS):
        if done >= _MIN_ROUNDS and time.monotonic() > ends:
            break
        for index, one in candidates.items():
            spent[index].append(_run_s(one))
    return {
        index: replace(one, ms=1000 * float(np.median(spent[index])))
        for index, one in candidates.items()
    }


def _run_s(candidate: OpenedCandidate) -> float:
    image = np.full((1, *candidate.spec.crop_hw, 3), 127, dtype=np.uint8)
    began = time.perf_counter()
    candidate.session.run(image, ["probabilities"])
    return time.perf_counter() - began
