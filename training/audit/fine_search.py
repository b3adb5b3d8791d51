"""Whether two images show one photo: their texture, searched ever finer around a placement."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from training.audit.coarse_search import Placement
from training.audit.correlation import (
    Spectra,
    best_scores,
    inverse_deviations,
    target_spectra,
    template_side_px,
    template_spectra,
)
from training.audit.texture import texture_of
from training.runtime.arrays import Floats, Pixels

_NOISE: Final = 0.7
_REACH: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesSearchedIn:
    """Images that others are searched in: their textures (..., px, px) and the spectra of these."""

    px: int
    textures: Floats
    spectra: Spectra

    @classmethod
    def of(cls, images: Pixels, px: int) -> "ImagesSearchedIn":
        """Prepare grey images (..., H, W)."""
        textures = _textures(images, px)
        return cls(px=px, textures=textures, spectra=target_spectra(textures))

    def scores(self, images: Pixels, scale: float) -> Floats:
        """Return how well the middle of each grey image (..., H, W), a view of `scale`, fits: (...)."""
        side = template_side_px(self.px, scale)
        templates = template_spectra(_textures(images, round(self.px * scale)), self.px, side)
        return best_scores(templates, self.spectra, inverse_deviations(self.textures, side))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSearch:
    """Scores of one image's middle in another, by scale; each is computed once.

    Attributes:
        inner: the smaller view, a grey image (H, W) uint8.
        outer: what it is searched in.
    """

    inner: Pixels
    outer: ImagesSearchedIn
    _tried: dict[float, float] = field(default_factory=dict)

    def best_near(self, scale: float, step: float, *, enough: float) -> float:
        """Return the best of three scales, or the first that scores `enough`; none is above 1."""
        best = scale
        for other in scales_near(scale, step):
            if self.score(best) >= enough:
                break
            best = max(best, other, key=self.score)
        return best

    def score(self, scale: float) -> float:
        """Return how well the middle of `inner`, a view of `scale`, fits its best place in `outer`."""
        if scale not in self._tried:
            self._tried[scale] = float(self.outer.scores(self.inner, scale))
        return self._tried[scale]


def scales_near(scale: float, step: float) -> tuple[float, float, float]:
    """Return a scale, the next smaller, and the next larger that is possible."""
    return scale, scale - step, min(scale + step, 1.0)


def oriented(pair: Sequence[Pixels], found: Placement) -> tuple[Pixels, Pixels]:
    """Return a pair of grey images as the smaller view, mirrored where it was found so, and the larger."""
    inner, outer = reversed(pair) if found.swapped else pair
    return (inner[:, ::-1] if found.mirrored else inner), outer


def scale_search(pair: Sequence[Pixels], found: Placement, px: int) -> ScaleSearch:
    """Return the search of a placement of a pair of grey images, at `px` a side."""
    inner, outer = oriented(pair, found)
    return ScaleSearch(inner=inner, outer=ImagesSearchedIn.of(outer, px))


def best_of_scales(
    pairs: Sequence[Sequence[Pixels]],
    found: Sequence[Placement],
    px: int,
    step: float,
    *,
    scored: bool,
) -> list[Placement]:
    """Return each pair's placement at the best of three scales, with its score at `px` a side.

    Pairs that begin with one scale are searched together. Those that are `scored` at this size already
    are searched at the other two scales only.
    """
    better = list(found)
    for scale in {placement.scale for placement in found}:
        chosen = [index for index, placement in enumerate(found) if placement.scale == scale]
        sides = [oriented(pairs[index], found[index]) for index in chosen]
        outer = ImagesSearchedIn.of(np.stack([outer for _, outer in sides]), px)
        inner = np.stack([inner for inner, _ in sides])
        scales = scales_near(scale, step)
        known = [np.array([found[index].score for index in chosen])] if scored else []
        scores = np.stack([*known, *(outer.scores(inner, each) for each in scales[len(known) :])])
        for column, index in enumerate(chosen):
            best = int(scores[:, column].argmax())
            better[index] = replace(
                found[index], scale=scales[best], score=float(scores[best, column])
            )
    return better


def _textures(images: Pixels, px: int) -> Floats:
    return texture_of(images.astype(np.float32), px, noise=_NOISE, reach=_REACH)
