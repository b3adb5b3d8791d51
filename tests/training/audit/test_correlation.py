"""The search by FFT finds what a search place by place finds."""

import numpy as np
import pytest

from training.audit.correlation import (
    best_scores,
    inverse_deviations,
    target_spectra,
    template_side_px,
    template_spectra,
)
from training.runtime.arrays import Floats

pytestmark = pytest.mark.training

PX = 32


def best_by_hand(view: Floats, target: Floats, side: int) -> float:
    """Return the best normalised correlation of the view's middle with any window of the target."""
    start = (len(view) - side) // 2
    middle = view[start : start + side, start : start + side]
    windows = np.lib.stride_tricks.sliding_window_view(target, (side, side)).reshape(-1, side**2)
    return max(float(np.corrcoef(middle.ravel(), window)[0, 1]) for window in windows)


@pytest.mark.parametrize("scale", [1.0, 0.76])
def test_scores_are_the_best_correlation_of_all_places_for_many_pairs_at_once(scale: float) -> None:
    rng = np.random.default_rng(0)
    side = template_side_px(PX, scale)
    views = rng.normal(size=(3, round(PX * scale), round(PX * scale))).astype(np.float32)
    targets = rng.normal(size=(3, PX, PX)).astype(np.float32)
    start = (views.shape[-1] - side) // 2
    targets[0, 5 : 5 + side, 8 : 8 + side] = (
        3 + 2 * views[0, start : start + side, start : start + side]
    )
    scores = best_scores(
        template_spectra(views, PX, side),
        target_spectra(targets),
        inverse_deviations(targets, side),
    )
    expected = [
        best_by_hand(view, target, side) for view, target in zip(views, targets, strict=True)
    ]
    assert scores == pytest.approx(expected, abs=1e-3)
    assert scores[0] == pytest.approx(1, abs=1e-3)
    assert max(scores[1:]) < 0.5
