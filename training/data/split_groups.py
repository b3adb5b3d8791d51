"""Which images belong together and may not be parted by a split.

Copies of one photo do (the audit finds them), and so do photos of one shoot or part, where a pattern
on the file's path names it (`--group-by`).
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from training.data.scan import ScannedImage
from training.errors import ConfigError
from training.runtime.arrays import Integers


def group_images(
    images: Sequence[ScannedImage],
    joined: Iterable[Sequence[int]],
    *,
    pattern: str | None = None,
    root: Path = Path(),
) -> Integers:
    """Return a group number for each image, (N,).

    Args:
        images: the images, whose `row` is their place here.
        joined: rows that belong together, such as duplicates; overlaps are united.
        pattern: a regular expression searched in each path below `root`; images with the same match
            (its groups, or all of it where it has none) belong together. Where it does not match,
            alone.

    Raises:
        ConfigError: the pattern is no regular expression.
    """
    parents = list(range(len(images)))
    for rows in (*joined, *_same_content(images), *_same_match(images, pattern, root)):
        for row in rows[1:]:
            _unite(parents, rows[0], row)
    return np.array([_root(parents, row) for row in range(len(images))], dtype=np.int64)


def _same_content(images: Sequence[ScannedImage]) -> list[list[int]]:
    return _gathered((image.sha256, image.row) for image in images)


def _same_match(images: Sequence[ScannedImage], pattern: str | None, root: Path) -> list[list[int]]:
    if pattern is None:
        return []
    try:
        compiled = re.compile(pattern)
    except re.error as err:
        raise ConfigError(f"--group-by {pattern!r} is no regular expression: {err}") from err
    matches = (
        (compiled.search(image.file.path.relative_to(root).as_posix()), image.row)
        for image in images
    )
    return _gathered((str(m.groups() or m[0]), row) for m, row in matches if m)


def _gathered(keyed: Iterable[tuple[str, int]]) -> list[list[int]]:
    rows: dict[str, list[int]] = {}
    for key, row in keyed:
        rows.setdefault(key, []).append(row)
    return list(rows.values())


def _root(parents: list[int], row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


def _unite(parents: list[int], one: int, other: int) -> None:
    first, second = sorted((_root(parents, one), _root(parents, other)))
    parents[second] = first
