"""Whether two images may show one photo: a search so coarse that hundreds of pairs are tried at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.audit.correlation import (
    Spectra,
    best_scores,
    inverse_deviations,
    target_spectra,
    template_side_px,
    template_spectra,
)
from training.audit.texture import texture_of
from training.runtime.arrays import Floats, Integers, Pixels

# How much smaller the copy's field of view may be: an 80 % crop is 0.8, and 0.76 leaves some room.
SCALES: Final = (1.0, 0.94, 0.88, 0.82, 0.76)
_PX: Final = 32
_NOISE: Final = 0.5
_REACH: Final = 1.5
_SIDES: Final = tuple(template_side_px(_PX, scale) for scale in SCALES)
# Ways of laying one image onto the other that score so much less than the best are left aside.
_CLOSE: Final = 0.1
# Of pairs whose spectra lie in the processor's cache.
_PAIRS_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CoarseImages:
    """Images as templates and as targets of the search.

    Attributes:
        templates: (N, scales, 2, px, px // 2 + 1), as they are and mirrored.
        targets: (N, px, px // 2 + 1).
        inverse: for each scale's template, (N, places, places).
    """

    templates: Spectra
    targets: Spectra
    inverse: tuple[Floats, ...]

    def single(self) -> Iterator["CoarseImages"]:
        """Yield each image by itself, without the axis N."""
        for index in range(len(self.targets)):
            yield CoarseImages(
                templates=self.templates[index].copy(),
                targets=self.targets[index].copy(),
                inverse=tuple(inverse[index].copy() for inverse in self.inverse),
            )

    @classmethod
    def joined(cls, images: Sequence["CoarseImages"]) -> "CoarseImages":
        """Join what `single` yielded."""
        return cls(
            templates=np.stack([image.templates for image in images]),
            targets=np.stack([image.targets for image in images]),
            inverse=tuple(
                np.stack(same) for same in zip(*(image.inverse for image in images), strict=True)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How the smaller view lies in the larger; `swapped` where a pair's second image is the smaller one."""

    score: float
    scale: float
    mirrored: bool
    swapped: bool


def coarse_images(greys: Pixels) -> CoarseImages:
    """Prepare grey images (N, H, W) uint8."""
    images = greys.astype(np.float32)
    templates = []
    for scale, side in zip(SCALES, _SIDES, strict=True):
        texture = texture_of(images, round(_PX * scale), noise=_NOISE, reach=_REACH)
        both = np.stack([texture, texture[..., ::-1]], axis=1)
        templates.append(template_spectra(both, _PX, side))
    texture = texture_of(images, _PX, noise=_NOISE, reach=_REACH)
    return CoarseImages(
        templates=np.stack(templates, axis=1),
        targets=target_spectra(texture),
        inverse=tuple(inverse_deviations(texture, side) for side in _SIDES),
    )


def coarse_placements(images: CoarseImages, pairs: Integers) -> list[list[Placement]]:
    """Return the placements of each pair (P, 2) of places in `images`, the best first.

    Either image is tried as the smaller view of the other, as it is and mirrored; ways that score about
    as well as the best are kept: of a shoe and of a shirt the mirror image is nearly the same.
    """
    parts = range(0, len(pairs), _PAIRS_AT_ONCE)
    return [
        _sorted_ways(scores)
        for start in parts
        for scores in _scores(images, pairs[start : start + _PAIRS_AT_ONCE])
    ]


def _sorted_ways(scores: Floats) -> list[Placement]:
    """Return the placements of one pair's scores (2 ways, scales, 2: mirrored), the best first."""
    best = scores.max(axis=1)
    order = sorted(np.argwhere(best >= best.max() - _CLOSE).tolist(), key=lambda at: -best[*at])
    return [
        Placement(
            score=float(best[way, mirrored]),
            scale=SCALES[int(scores[way, :, mirrored].argmax())],
            mirrored=bool(mirrored),
            swapped=bool(way),
        )
        for way, mirrored in order
    ]


def _scores(images: CoarseImages, pairs: Integers) -> Floats:
    """Return the scores (P, 2 ways, scales, 2: mirrored)."""
    return np.stack([_one_way(images, pairs), _one_way(images, pairs[:, ::-1])], axis=1)


def _one_way(images: CoarseImages, pairs: Integers) -> Floats:
    inner, outer = pairs[:, 0], pairs[:, 1]
    targets = images.targets[outer, None]
    scores = [
        best_scores(images.templates[inner, index], targets, inverse[outer, None])
        for index, inverse in enumerate(images.inverse)
    ]
    return np.stack(scores, axis=1)
