"""The rejection rule: from which OOD score on an image is accepted, and how well that works."""

from typing import Final, Literal

import numpy as np
from sklearn.metrics import roc_auc_score

from inference.manifest import Rejection
from inference.measured import UnknownMeasure
from training.ood.score import OodScore
from training.runtime.arrays import Floats

ACCEPTED_SHARE: Final = 0.95
# From this many images of `_unknown` on, one half of them chooses the threshold and one half tests it.
TUNE_FROM: Final = 50
# The shares of accepted validation images to choose among: some unknown images do not stand for all.
_TUNED_SHARES: Final = (0.95, 0.99, 0.98, 0.97, 0.96, 0.94, 0.93, 0.92, 0.91, 0.90)


def fit_rejection(
    ood_score: OodScore,
    val_scores: Floats,
    *,
    tune: Floats | None = None,
    measured: UnknownMeasure | None = None,
) -> Rejection:
    """Return the rule for validation images with these scores (N,).

    It accepts 95 % of them, unless there are scores (M,) of unknown images to `tune` it by.
    """
    threshold = accepting_threshold(val_scores)
    if tune is not None:
        threshold = _tuned_threshold(val_scores, tune)
    return Rejection(
        score="familiarity",
        threshold=threshold,
        accepted=float((val_scores >= threshold).mean()),
        prototypes=len(ood_score.prototypes),
        max_logit=ood_score.max_logit,
        prototype_cosine=ood_score.prototype_cosine,
        tuned_on=0 if tune is None else len(tune),
        measured=measured,
    )


def accepting_threshold(known: Floats, share: float = ACCEPTED_SHARE) -> float:
    """Return one of the scores `known` (N,), which at least `share` of them reach, hardly more."""
    return float(np.quantile(known, 1 - share, method="lower"))


def split_unknown(scores: Floats) -> tuple[Floats | None, Floats]:
    """Return which scores (M,) of `_unknown` tune the threshold, if any, and which test it."""
    if len(scores) < TUNE_FROM:
        return None, scores
    return scores[::2], scores[1::2]


def measure_unknown(
    against: Literal["unknown images", "classes left out"], *, known: Floats, unknown: Floats
) -> UnknownMeasure:
    """Measure how well scores separate known images (N,) from unknown ones (M,)."""
    is_known = np.concatenate([np.ones(len(known)), np.zeros(len(unknown))])
    return UnknownMeasure(
        against=against,
        images=len(unknown),
        auroc=float(roc_auc_score(is_known, np.concatenate([known, unknown]))),
        fpr95=float((unknown >= accepting_threshold(known)).mean()),
    )


def _tuned_threshold(known: Floats, unknown: Floats) -> float:
    """Return the threshold with the largest sum of accepted known and rejected unknown shares."""
    candidates = [accepting_threshold(known, share) for share in _TUNED_SHARES]
    gains = [(known >= t).mean() + (unknown < t).mean() for t in candidates]
    return candidates[int(np.argmax(gains))]
