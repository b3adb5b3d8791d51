"""Pairs of images that may show one photo: the nearest by embedding and by perceptual hash.

Few enough that each can be compared by its pixels (`alignment`). Every image is held against every
other, exactly: at 50,000 images that takes less time than reading them did, and an index of nearest
neighbours would be one more dependency. Work goes block by block, so that memory stays flat.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from training.data.scan import ScannedImage
from training.runtime.arrays import Floats, Pixels

# Copies planted into 845 photos of garments and 55 faces (re-encoded, 80 % crops, mirrored, other
# brightness), embeddings of tf_efficientnet_lite0: each copy was its original's nearest or second
# neighbour, with a cosine (about the mean) of 0.45 or more.
_NEIGHBOURS: Final = 3
_MIN_COSINE: Final = 0.4
# In 64 bits. All but crops lay within 14 there; the limit matters where embeddings are poor.
_MAX_HASH_DISTANCE: Final = 8
_BLOCK: Final = 128
# Farther than any cosine distance (2) and any of 64 bits.
_FAR: Final = 255


def candidate_pairs(
    images: Sequence[ScannedImage], embeddings: Floats | None
) -> list[tuple[int, int]]:
    """Return pairs of rows, smaller first, sorted; at most a few for each image.

    Args:
        images: one for each content; `row` says where it is in `embeddings`.
        embeddings: (N, D) by row, or None where there is no trained trunk.
    """
    rows = np.array([image.row for image in images], dtype=np.int64)
    found = set(_near_by_hash(images))
    if embeddings is not None:
        found |= set(_near_by_embedding(embeddings[rows]))
    return sorted((int(rows[one]), int(rows[other])) for one, other in found)


def centred_directions(embeddings: Floats) -> Floats:
    """Return the embeddings (N, D) about their mean, each of length 1 (or 0).

    Raw embeddings after a ReLU all point one way; about their mean they tell images apart.
    """
    centred = embeddings - embeddings.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    directions: Floats = centred / np.maximum(lengths, np.finfo(np.float32).tiny)
    return directions


def _near_by_embedding(embeddings: Floats) -> Iterator[tuple[int, int]]:
    directions = centred_directions(embeddings)
    for start in range(0, len(directions), _BLOCK):
        cosines = directions[start : start + _BLOCK] @ directions.T
        distances = np.subtract(1, cosines, out=cosines)
        yield from _nearest(distances, start, limit=1 - _MIN_COSINE)


def _near_by_hash(images: Sequence[ScannedImage]) -> Iterator[tuple[int, int]]:
    plain = np.array([int(image.facts.phash, 16) for image in images], dtype=np.uint64)
    mirrored = np.array([int(image.facts.phash_mirrored, 16) for image in images], dtype=np.uint64)
    for start in range(0, len(images), _BLOCK):
        block = plain[start : start + _BLOCK, None]
        distances = np.minimum(np.bitwise_count(block ^ plain), np.bitwise_count(block ^ mirrored))
        yield from _nearest(distances, start, limit=_MAX_HASH_DISTANCE)


def _nearest(distances: Floats | Pixels, start: int, *, limit: float) -> Iterator[tuple[int, int]]:
    """Yield each block row's nearest others within `limit`; `distances` (block, N) is used up."""
    own = np.arange(len(distances))
    distances[own, start + own] = _FAR
    for _ in range(_NEIGHBOURS):
        nearest = distances.argmin(axis=1)
        close = np.flatnonzero(distances[own, nearest] <= limit)
        if not len(close):
            return
        for one, other in zip(close.tolist(), nearest[close].tolist(), strict=True):
            yield min(start + one, other), max(start + one, other)
        distances[own, nearest] = _FAR
