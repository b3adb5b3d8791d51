"""Whether two images show one photo: their texture, searched ever finer around a placement."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True, kw_only=True)
class ScaleSearch:
    """Scores of one image's middle in another, by scale; each is computed once.

    Attributes:
        inner, outer: grey images (H, W) uint8; `inner` is the smaller view.
        mirrored: whether `inner` is searched mirrored.
        px: side that both are resized to.
    """

    inner: Pixels
    outer: Pixels
    mirrored: bool
    px: int
    _tried: dict[float, float] = field(default_factory=dict)
    _texture: Floats | None = None
    _target: Spectra | None = None

    def best_near(self, scale: float, step: float, *, enough: float) -> float:
        """Return the best of three scales, or the first that scores `enough`; none is above 1."""
        best = scale
        for other in (scale, scale - step, min(scale + step, 1.0)):
            if self.score(best) >= enough:
                break
            best = max(best, other, key=self.score)
        return best

    def score(self, scale: float) -> float:
        """Return how well the middle of `inner`, a view of `scale`, fits its best place in `outer`."""
        if scale not in self._tried:
            self._tried[scale] = self._search(scale)
        return self._tried[scale]

    def _search(self, scale: float) -> float:
        if self._texture is None or self._target is None:
            self._texture = self._seen(self.outer, self.px)
            self._target = target_spectra(self._texture)
        texture = self._seen(self.inner, round(self.px * scale))
        if self.mirrored:
            texture = texture[:, ::-1]
        side = template_side_px(self.px, scale)
        template = template_spectra(texture, self.px, side)
        return float(best_scores(template, self._target, inverse_deviations(self._texture, side)))

    @staticmethod
    def _seen(image: Pixels, px: int) -> Floats:
        return texture_of(image.astype(np.float32), px, noise=_NOISE, reach=_REACH)


def oriented(pair: Sequence[Pixels], found: Placement, px: int) -> ScaleSearch:
    """Return the search of a placement of a pair of grey images, at `px` a side."""
    inner, outer = reversed(pair) if found.swapped else pair
    return ScaleSearch(inner=inner, outer=outer, mirrored=found.mirrored, px=px)
