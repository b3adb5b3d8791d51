"""The images of a class that look most like one image."""

import numpy as np

from studio.analysis.analysis_file import Analysis
from training.runtime.arrays import Integers

_COUNT = 3


def nearest_of_class(
    analysis: Analysis, row: int, members: Integers, *, count: int = _COUNT
) -> list[int]:
    """Return the rows nearest to an image among `members` (M,), the nearest first; no copy of it."""
    others = members[analysis.groups[members] != analysis.groups[row]]
    if len(others) == 0:
        return []
    cosines = analysis.embeddings[others].astype(np.float32) @ analysis.embeddings[row].astype(
        np.float32
    )
    chosen: list[int] = []
    seen: set[int] = set()
    for place in np.argsort(-cosines, kind="stable"):
        group = int(analysis.groups[others[place]])
        if group not in seen:  # one of several copies shows enough
            seen.add(group)
            chosen.append(int(others[place]))
        if len(chosen) == count:
            break
    return chosen
