"""Which files show one photo: byte for byte, or altered (re-encoded, cropped, mirrored, relit)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from training.audit.alignment import texture_similarity
from training.audit.candidates import candidate_pairs
from training.data.scan import PixelRows, ScannedImage

Group = tuple[int, ...]

# Below this shorter side an altered copy cannot be told from a look-alike: of scikit-learn's 1,797
# handwritten digits, at 64 px, 875 "matched" another. Copies byte for byte are found at any size.
_MIN_DETAIL_PX: Final = 80

# 336 altered copies planted into 845 photos of garments (two seeds): 333 scored 0.90 or more, three
# 80 % crops less; on a third seed, held out, 164 of 168 passed. Of 2,700 pairs of different photos
# there the highest was 0.82; of two photos of one face 0.85; of CIFAR-10's 2,500 small images 0.75,
# beside seven real copies at 0.82 to 0.91.
_MIN_SIMILARITY: Final = 0.87


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
    embeddings: npt.NDArray[np.float32] | None,
    pixels: PixelRows,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Duplicates:
    """Group the files that show one photo.

    Args:
        images: by row.
        embeddings: (N, D) by row, or None: then only perceptual hashes propose pairs.
        pixels: the model's input images by row; they have the last word.
        advance: told how many more images were compared.
    """
    by_content: dict[str, list[int]] = {}
    for image in images:
        by_content.setdefault(image.sha256, []).append(image.row)
    exact = [tuple(rows) for rows in by_content.values() if len(rows) > 1]
    different = [images[rows[0]] for rows in by_content.values() if _has_detail(images[rows[0]])]
    pairs = candidate_pairs(different, embeddings) if len(different) > 1 else []
    scores = texture_similarity(pixels, pairs, advance=advance)
    similar = [pair for pair, score in zip(pairs, scores, strict=True) if score >= _MIN_SIMILARITY]
    every = _joined([*exact, *similar], len(images))
    altered = {row for pair in similar for row in pair}
    near = tuple(group for group in every if altered.intersection(group))
    return Duplicates(exact=tuple(exact), near=near, every=every)


def _has_detail(image: ScannedImage) -> bool:
    return min(image.facts.width_px, image.facts.height_px) >= _MIN_DETAIL_PX


def group_numbers(groups: Iterable[Group], num_images: int) -> npt.NDArray[np.int64]:
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
