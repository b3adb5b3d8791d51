"""All images of a class, those first that are least like it."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from studio.analysis.reader import LabelledImages
from studio.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """A class: its images now, how many have an answer, how many are suspect and have none."""

    label: str
    images: int
    answered: int
    suspect: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows of a class, out of `total`."""

    rows: tuple[int, ...]
    total: int


def count_classes(images: LabelledImages) -> list[ClassCount]:
    """Return every class, in natural order."""
    by_class = Counter(images.current.tolist())
    said = Counter(images.current[images.answered].tolist())
    suspect = Counter(
        int(images.current[s.row])
        for s in images.analysis.suspects
        if not images.is_answered(s.row)
    )
    return [
        ClassCount(
            label=label, images=by_class[number], answered=said[number], suspect=suspect[number]
        )
        for number, label in enumerate(images.analysis.labels)
    ]


def class_page(images: LabelledImages, label: str, *, offset: int, limit: int) -> Page:
    """Return a page of a class; the label "" stands for what is left out.

    Raises:
        NotFound: no such class.
    """
    if label and label not in images.analysis.labels:
        raise NotFound(f"there is no class {label[:80]!r}")
    number = images.analysis.labels.index(label) if label else -1
    rows = np.flatnonzero(images.current == number)
    # Where an answer moved an image here, its confidence is of another class: it comes last.
    moved = images.indexed.labels[rows] != number
    keys = images.analysis.confidence[rows] + moved
    order = rows[np.argsort(keys, kind="stable")]
    return Page(rows=tuple(map(int, order[offset : offset + limit])), total=len(rows))
