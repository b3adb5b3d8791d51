"""Which files show one photo: byte for byte, or altered (re-encoded, cropped, mirrored, relit)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from training.audit.alignment import ImageByRow, texture_similarity
from training.audit.candidate_pairs import candidate_pairs
from training.data.scan import ScannedImage
from training.runtime.arrays import Floats, Integers

Group = tuple[int, ...]

# Below this shorter side an altered copy cannot be told from a look-alike: of scikit-learn's 1,797
# handwritten digits, at 64 px, 875 "matched" another. Copies byte for byte are found at any size.
_MIN_DETAIL_PX: Final = 80

# 1,176 altered copies planted into 845 photos of garments (seeds 3 to 9): 1,170 scored more. Of the
# six others, five are white garments so brightened that nothing is left to see on them, one is a JPEG
# of quality 40. The highest of 2,800 candidate pairs of different photos there was 0.61, of all pairs
# of 55 aligned faces 0.83 (one person, two photos).
_MIN_SIMILARITY: Final = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Groups of rows, each group ascending.

    Attributes:
        exact: files of equal content.
        near: files that show one photo where not all are equal; equal ones among them are included.
        every: exact and near joined: no image is in two groups.
    """

    exact: tuple[Group, ...]
    near: tuple[Group, ...]
    every: tuple[Group, ...]


def find_duplicates(
    images: Sequence[ScannedImage],
    embeddings: Floats | None,
    pixels: ImageByRow,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Duplicates:
    """Group the files that show one photo.

    Args:
        images: by row.
        embeddings: (N, D) by row, or None: then only perceptual hashes propose pairs.
        pixels: the model's input images by row; they have the last word.
        advance: called with the number of images compared since.
    """
    by_content: dict[str, list[int]] = {}
    for image in images:
        by_content.setdefault(image.sha256, []).append(image.row)
    exact = [tuple(rows) for rows in by_content.values() if len(rows) > 1]
    different = [images[rows[0]] for rows in by_content.values() if _has_detail(images[rows[0]])]
    pairs = candidate_pairs(different, embeddings) if len(different) > 1 else []
    scores = texture_similarity(pixels, pairs, enough=_MIN_SIMILARITY, advance=advance)
    similar = [pair for pair, score in zip(pairs, scores, strict=True) if score >= _MIN_SIMILARITY]
    every = _joined([*exact, *similar], len(images))
    altered = {row for pair in similar for row in pair}
    near = tuple(group for group in every if altered.intersection(group))
    return Duplicates(exact=tuple(exact), near=near, every=every)


def _has_detail(image: ScannedImage) -> bool:
    return min(image.facts.width_px, image.facts.height_px) >= _MIN_DETAIL_PX


def group_numbers(groups: Iterable[Group], num_images: int) -> Integers:
    """Return a group's number for each image (N,); images of no group are each alone."""
    numbers = np.arange(num_images)
    for group in groups:
        numbers[list(group)] = group[0]
    return numbers


def _joined(links: Sequence[Sequence[int]], num_images: int) -> tuple[Group, ...]:
    """Return the connected components of two rows or more."""
    ends = [(rows[0], row) for rows in links for row in rows[1:]]
    if not ends:
        return ()
    one, other = np.array(ends).T
    graph = coo_array((np.ones(len(ends)), (one, other)), shape=(num_images, num_images))
    _, numbers = connected_components(graph, directed=False)
    members: dict[int, list[int]] = {}
    for row, number in enumerate(numbers):
        members.setdefault(int(number), []).append(row)
    return tuple(tuple(rows) for rows in members.values() if len(rows) > 1)
