"""Whether two images show one photo, by their pixels.

The middle of one image is searched in the other at several scales, also mirrored. Only local texture
counts. Nearly all pairs are of different photos, so each is tried at 32 px first, many pairs at a time;
what is left is tried at 64 px, and only what is like one photo there at 128 px, for which its images
are read again.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from threading import Lock
from typing import Final, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from training.audit.coarse_search import CoarseImages, Placement, coarse_images, coarse_placements
from training.audit.fine_search import best_of_scales, scale_search
from training.audit.texture import grey_image, shrunk
from training.runtime.arrays import Floats, Pixels

# A search that scores less is not followed up. Set on 669 copies planted into 845 photos of garments
# (seeds 0 to 3) and on 2,775 images altered in several ways at once, where one in eight pairs passes the
# first, one in 35 the second and one in 200 the third. Copies of fine stripes may score less (0.52 was
# seen) and are missed.
_COARSE_MIN: Final = 0.58
_MIDDLE_PX: Final = 64
_MIDDLE_STEP: Final = 0.03
_MIDDLE_MIN: Final = 0.63
_MIDDLE_STEP_NARROW: Final = 0.015
_MIDDLE_MIN_NARROW: Final = 0.7
# No other way of laying the images onto one another is tried then.
_MIDDLE_CLEAR: Final = 0.95
_FINE_PX: Final = 128
# Steps of scale, and the least that each must come to.
_FINE_STEPS: Final = ((0.0, 0.55), (0.03, 0.6), (0.015, 0.6), (0.0075, 0.0))
# Neighbouring pairs share images, which are then prepared once.
_PAIRS_AT_ONCE: Final = 256
# 50 kB each: prepared for the coarse search, and whole.
_KEPT_IMAGES: Final = 4096
_KEPT_WHOLE: Final = 512


class ImageByRow(Protocol):
    """What one image at a time is asked of."""

    def __getitem__(self, row: int, /) -> Pixels:
        """Return the (H, W, 3) uint8 image of a row."""


def texture_similarity(
    pixels: ImageByRow,
    pairs: Sequence[tuple[int, int]],
    *,
    enough: float = 1.0,
    advance: Callable[[int], None] = lambda _: None,
) -> Floats:
    """Return how well each pair (P,) can be laid onto one another: (P,) in 0..1, 1 is the same.

    Args:
        pixels: the model's input images, by row.
        pairs: row numbers.
        enough: a pair that scores so much is not searched further for its very best score.
        advance: called with the number of rows passed since; that needs pairs in order of their first row.
    """
    parts = [pairs[i : i + _PAIRS_AT_ONCE] for i in range(0, len(pairs), _PAIRS_AT_ONCE)]
    compare = partial(_compare, _Images(pixels), enough=enough)
    scores: list[float] = []
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="align") as pool,
    ):
        passed = 0
        for part, found in zip(parts, pool.map(compare, parts), strict=True):
            scores += found
            advance(part[-1][0] - passed)
            passed = part[-1][0]
    return np.array(scores, dtype=np.float32)


class _Images:
    """Small greys of all images that were asked for, 4 kB each, and the last ones whole and prepared."""

    def __init__(self, pixels: ImageByRow) -> None:
        self.whole = lru_cache(_KEPT_WHOLE)(lambda row: grey_image(pixels[row]))
        self._lock = Lock()
        self._greys: dict[int, Pixels] = {}
        self._prepared: OrderedDict[int, CoarseImages] = OrderedDict()

    def grey(self, row: int) -> Pixels:
        """Return an image in (64, 64) uint8."""
        if row not in self._greys:
            self._greys[row] = shrunk(self.whole(row), _MIDDLE_PX)
        return self._greys[row]

    def prepared(self, rows: Sequence[int]) -> CoarseImages:
        """Return images prepared for the coarse search, in order."""
        with self._lock:
            known = {row: self._prepared[row] for row in rows if row in self._prepared}
        known |= self._prepare([row for row in rows if row not in known])
        self._keep(known)
        return CoarseImages.joined([known[row] for row in rows])

    def _prepare(self, rows: Sequence[int]) -> Mapping[int, CoarseImages]:
        if not rows:
            return {}
        images = coarse_images(np.stack([self.grey(row) for row in rows]))
        return dict(zip(rows, images.single(), strict=True))

    def _keep(self, images: Mapping[int, CoarseImages]) -> None:
        with self._lock:
            for row, image in images.items():
                self._prepared[row] = image
                self._prepared.move_to_end(row)
            while len(self._prepared) > _KEPT_IMAGES:
                self._prepared.popitem(last=False)


def _compare(images: _Images, pairs: Sequence[tuple[int, int]], *, enough: float) -> list[float]:
    """Return the scores of pairs, each followed up only as far as it may be of one photo."""
    rows, places = np.unique(np.array(pairs), return_inverse=True)
    found = coarse_placements(images.prepared(rows.tolist()), places.reshape(-1, 2))
    likely = {i: ways for i, ways in enumerate(found) if ways[0].score >= _COARSE_MIN}
    greys = {i: [images.grey(row) for row in pairs[i]] for i in likely}
    scores = [0.0] * len(pairs)
    for index, placement in _placed_at_middle(greys, likely).items():
        whole = [images.whole(row) for row in pairs[index]]
        scores[index] = _fine_score(whole, placement, enough=enough)
    return scores


def _placed_at_middle(
    greys: Mapping[int, Sequence[Pixels]], ways: Mapping[int, Sequence[Placement]]
) -> dict[int, Placement]:
    """Return the best placements at the middle size, by pair; without the pairs that score too little."""

    def wide(placements: Sequence[tuple[int, Placement]]) -> list[Placement]:
        pairs, found = [greys[index] for index, _ in placements], [way for _, way in placements]
        return best_of_scales(pairs, found, _MIDDLE_PX, _MIDDLE_STEP, scored=False)

    def narrow(placements: Mapping[int, Placement]) -> dict[int, Placement]:
        pairs, found = [greys[index] for index in placements], list(placements.values())
        better = best_of_scales(pairs, found, _MIDDLE_PX, _MIDDLE_STEP_NARROW, scored=True)
        indexed = zip(placements, better, strict=True)
        return {index: found for index, found in indexed if found.score >= _MIDDLE_MIN_NARROW}

    first = zip(ways, wide([(index, best) for index, (best, *_) in ways.items()]), strict=True)
    best = narrow({index: found for index, found in first if found.score >= _MIDDLE_MIN})
    others = [
        (index, way)
        for index, first in best.items()
        if first.score < _MIDDLE_CLEAR
        for way in ways[index][1:]
    ]
    turned: dict[int, Placement] = {}
    for (index, _), way in zip(others, wide(others), strict=True):
        if way.score > turned.get(index, best[index]).score:
            turned[index] = way
    return best | narrow(turned)


def _fine_score(pair: Sequence[Pixels], found: Placement, *, enough: float) -> float:
    """Search at finer steps of scale around a placement, at the size that decides."""
    search = scale_search(pair, found, _FINE_PX)
    scale = found.scale
    for step, least in _FINE_STEPS:
        scale = search.best_near(scale, step, enough=enough)
        if not least <= search.score(scale) < enough:
            break
    return search.score(scale)
