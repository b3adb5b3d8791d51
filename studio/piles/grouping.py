"""The next images to be named together: those that look alike, or that have the same guess.

Groups come the biggest and tightest first, and only their cores: what lies at the edge of a group is asked
again later, when it may lie in the middle of another. Where some images have names already, a linear
classifier on their embeddings guesses the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.cluster import AgglomerativeClustering
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from studio.piles.pile_file import Pile
from training.runtime.arrays import Floats, Integers

# Ward's tree takes time and memory by the square; of more images a sample shows the groups.
_SAMPLE: Final = 1500
_LOOKED_AT: Final = 20_000
# Small groups are purer: of 300 photos of ten garments, 40 actions named 285 with 76 % right by groups of 8
# on average, and all 300 with 73 % right by groups of 12.
_GROUP_IMAGES: Final = 8
_CORE_SHARE: Final = 0.7
_SMALLEST: Final = 3
_FEW_GROUPS: Final = 8
_LARGEST: Final = 60
_COMPONENTS: Final = 64
_ROW: Final = 24
# Named images of a class from which it is guessed at all, and the classes.
_FEWEST_NAMED: Final = 3
_LENGTH: Final = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of a pile to be named together; the surest first.

    `guess` is a label, or None where nothing is guessed; `certainty` 0..1 of each row, of the guess.
    """

    rows: tuple[int, ...]
    guess: str | None
    certainty: tuple[float, ...]


def next_group(pile: Pile, named: Mapping[int, str], *, by_guess: bool) -> Group | None:
    """Return the next group of images without a name; None when all have one."""
    rows = np.array([row for row in range(len(pile.images)) if row not in named], dtype=np.int64)
    if len(rows) == 0:
        return None
    guessed = _guessed(pile, rows, named) if by_guess else None
    return _alike(pile, rows) if guessed is None else guessed


def least_sure(pile: Pile, named: Mapping[int, str]) -> Group | None:
    """Return the images whose guess is least certain, a row of them; None where nothing is guessed."""
    rows = np.array([row for row in range(len(pile.images)) if row not in named], dtype=np.int64)
    found = _guesses(pile, rows, named) if len(rows) else None
    if found is None:
        return None
    labels, probabilities = found
    surest = probabilities.max(axis=1)
    order = np.argsort(surest, kind="stable")[:_ROW]
    first = labels[int(probabilities[order[0]].argmax())]
    return _group(rows, order, surest, first)


def _alike(pile: Pile, rows: Integers) -> Group:
    """Return the core of the biggest and tightest group."""
    chance = np.random.default_rng(0)
    rows = rows if len(rows) <= _LOOKED_AT else chance.choice(rows, _LOOKED_AT, replace=False)
    reduced = _reduced(pile, rows)
    some = chance.choice(len(rows), _SAMPLE, replace=False) if len(rows) > _SAMPLE else slice(None)
    core = _tightest(reduced[some])
    likeness = reduced @ core.mean(axis=0)
    # Of a sample's group all that lie within it belong to it.
    threshold = float(np.sort(core @ core.mean(axis=0))[0])
    order = np.argsort(-likeness, kind="stable")
    order = order[likeness[order] >= threshold - 1e-6][:_LARGEST]
    return _group(rows, order, likeness, None)


def _tightest(reduced: Floats) -> Floats:
    """Return the middle of the biggest and tightest group of embeddings (M, d): (m, d)."""
    # Few that are left may be of many kinds.
    few = min(_FEW_GROUPS, len(reduced) // _SMALLEST)
    count = max(1, len(reduced) // _GROUP_IMAGES, few)
    numbers = np.zeros(len(reduced), np.int64)
    if count > 1:
        with threadpool_limits(1):
            numbers = AgglomerativeClustering(count).fit_predict(reduced)
    groups = [reduced[numbers == number] for number in range(count)]
    best = max(groups, key=lambda group: len(group) * float((group.mean(axis=0) ** 2).sum()))
    likeness = best @ best.mean(axis=0)
    core = max(_SMALLEST, round(_CORE_SHARE * len(best)))
    middle: Floats = best[np.argsort(-likeness, kind="stable")[:core]]
    return middle


def _guessed(pile: Pile, rows: Integers, named: Mapping[int, str]) -> Group | None:
    """Return the row of the guess that is surest on its images."""
    found = _guesses(pile, rows, named)
    if found is None:
        return None
    labels, probabilities = found
    guess, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    best: tuple[float, Integers, str] | None = None
    for number, label in enumerate(labels):
        places = np.flatnonzero(guess == number)
        order = places[np.argsort(-surest[places], kind="stable")][:_ROW]
        weight = float(surest[order].sum())
        if len(order) and (best is None or weight > best[0]):
            best = weight, order, label
    return None if best is None else _group(rows, best[1], surest, best[2])


def _guesses(
    pile: Pile, rows: Integers, named: Mapping[int, str]
) -> tuple[list[str], Floats] | None:
    """Return labels and probabilities (M, K) of rows (M,), by names so far, else by the model."""
    counts: dict[str, int] = {}
    for label in named.values():
        counts[label] = counts.get(label, 0) + (label != "")
    labels = sorted(label for label, count in counts.items() if count >= _FEWEST_NAMED)
    if len(labels) < 2:
        return (list(pile.labels), pile.probabilities[rows]) if pile.labels else None
    known = [row for row, label in named.items() if label in labels]
    targets = [labels.index(named[row]) for row in known]
    with threadpool_limits(1):
        model = LogisticRegression(C=1.0, max_iter=200)
        model.fit(_scaled(pile, np.array(known)), targets)
        probabilities: Floats = model.predict_proba(_scaled(pile, rows)).astype(np.float32)
    if set(labels) <= set(pile.labels):  # the model knows them too: both have a say
        columns = [pile.labels.index(label) for label in labels]
        by_model: Floats = pile.probabilities[rows][:, columns]
        probabilities = np.mean([probabilities, by_model], axis=0, dtype=np.float32)
    return labels, probabilities


def _scaled(pile: Pile, rows: Integers) -> Floats:
    scaled: Floats = pile.embeddings[rows].astype(np.float32) * _LENGTH
    return scaled


def _reduced(pile: Pile, rows: Integers) -> Floats:
    """Return the main components (M, d) of rows, of length 1: distances in them are less noisy."""
    # About the mean of the whole pile: about their own, a few of one kind would be nothing but noise.
    found = pile.embeddings[rows].astype(np.float32)
    values, vectors = np.linalg.eigh(found.T @ found)
    reduced = found @ vectors[:, np.argsort(-values)[:_COMPONENTS]]
    lengths = np.linalg.norm(reduced, axis=1, keepdims=True).clip(min=1e-6)
    unit: Floats = reduced / lengths
    return unit


def _group(rows: Integers, order: Integers, certainty: Floats, guess: str | None) -> Group:
    return Group(
        rows=tuple(int(row) for row in rows[order]),
        guess=guess,
        certainty=tuple(round(float(c), 4) for c in certainty[order]),
    )
