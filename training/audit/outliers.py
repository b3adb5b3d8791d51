"""Images that stand out from their class: far from its other images in the trunk's embedding."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from training.audit.candidate_pairs import centred_directions
from training.runtime.arrays import Floats, Integers

_NEIGHBOURS: Final = 5
# With fewer images a class has no distribution to stand out from.
_MIN_IMAGES: Final = 10
# In robust standard deviations above the class's median distance.
_MIN_SCORE: Final = 3.5
_MAD_TO_DEVIATION: Final = 1.4826
_BLOCK: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """`score`: how many robust standard deviations farther than the class's median image."""

    row: int
    score: float


def find_outliers(embeddings: Floats, targets: Integers, groups: Integers) -> list[Outlier]:
    """Return the images that are far from their own class, the farthest first.

    Args:
        embeddings: (N, D).
        targets: class indices (N,).
        groups: (N,) group numbers; a copy of an image is no neighbour of it.
    """
    directions = centred_directions(embeddings)
    found = []
    for label in np.unique(targets):
        rows = np.flatnonzero(targets == label)
        if len(np.unique(groups[rows])) < _MIN_IMAGES:
            continue
        scores = _robust_scores(_neighbour_distances(directions[rows], groups[rows]))
        found += [
            Outlier(row=int(row), score=float(score))
            for row, score in zip(rows, scores, strict=True)
            if score >= _MIN_SCORE
        ]
    return sorted(found, key=lambda outlier: -outlier.score)


def _neighbour_distances(directions: Floats, groups: Integers) -> Floats:
    """Return the mean cosine distance (N,) to the nearest images of other groups."""
    means = []
    for start in range(0, len(directions), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = 1 - directions[block] @ directions.T
        distances[groups[block, None] == groups] = np.inf
        nearest = np.partition(distances, _NEIGHBOURS - 1, axis=1)[:, :_NEIGHBOURS]
        # Where copies leave fewer neighbours than that, the mean is infinite: no statement.
        means.append(nearest.mean(axis=1))
    result: Floats = np.concatenate(means)
    return np.where(np.isfinite(result), result, np.float32(0))


def _robust_scores(values: Floats) -> Floats:
    median = np.median(values)
    deviation = _MAD_TO_DEVIATION * np.median(np.abs(values - median))
    scores: Floats = (values - median) / max(float(deviation), 1e-6)
    return scores
