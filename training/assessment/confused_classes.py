"""Which classes are taken for each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.runtime.arrays import Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusedPair:
    """Two classes: how often the first is taken for the second, and the second for the first."""

    first: str
    second: str
    first_as_second: int
    second_as_first: int

    @property
    def mistakes(self) -> int:
        """In both directions together."""
        return self.first_as_second + self.second_as_first


def confused_pairs(counts: Integers, labels: Sequence[str]) -> list[ConfusedPair]:
    """Return all pairs with a mistake, the most mistaken first; `counts` (K, K), rows the truth."""
    either = np.triu(counts + counts.T, k=1)
    rows, columns = np.nonzero(either)
    pairs = []
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        # Named in the direction that is the more frequent.
        a, b = (i, j) if counts[i, j] >= counts[j, i] else (j, i)
        pairs.append(
            ConfusedPair(
                first=labels[a],
                second=labels[b],
                first_as_second=int(counts[a, b]),
                second_as_first=int(counts[b, a]),
            )
        )
    return sorted(pairs, key=lambda pair: -pair.mistakes)
