"""`--fit auto`: how wide and tall photos become the model's input, by comparing on the folder itself."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final, get_args

import numpy as np

from inference.preprocessing import Fit
from training.candidates.image_fit import (
    ENOUGH_LONG,
    FitSample,
    best_fit,
    cross_validate_fits,
    draw_sample,
    share_of_long,
)
from training.config import FinetuneConfig
from training.data.class_weights import is_imbalanced
from training.data.fitted_pixels import FittedPixels
from training.data.scan import open_cache
from training.data.views import Views
from training.probing.embeddings import compute_embeddings
from training.probing.features import features_beside
from training.run.prepare import PreparedData, read_again
from training.runtime import distributed
from training.runtime.arrays import Floats
from training.runtime.progress import Display
from training.runtime.ranks import is_main
from training.runtime.time_budget import TimeBudget, describe_duration

_DEFAULT: Final[Fit] = "crop"
_OTHERS: Final = tuple(fit for fit in get_args(Fit) if fit != _DEFAULT)
# Of what is left of a time budget.
_BUDGET_SHARE: Final = 0.25
_SLACK: Final = 1.2
_TIMED_IMAGES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FitChoice:
    """A fit, and why it is that one."""

    fit: Fit
    reason: str

    def describe(self) -> str:
        """Return one line."""
        return f"fit: {self.fit}, {self.reason}"


def resolve_fit(
    prepared: PreparedData,
    config: FinetuneConfig,
    display: Display,
    *,
    budget: TimeBudget,
    caches: ExitStack,
) -> PreparedData:
    """Return what was prepared, with the fit that the options name or that the images decide.

    Of several processes the first one decides. `caches` closes what the pixels are read from.

    Raises:
        DataError: a photo has changed since it was scanned.
    """
    if config.fit != "auto":
        return prepared
    choice = distributed.broadcast(
        _choose(prepared, config, display, budget) if is_main() else None
    )
    display.line(choice.describe())
    prepared = replace(prepared, fit_notes=(choice.describe(),))
    if choice.fit == _DEFAULT:
        return prepared
    return _changed_to(choice.fit, prepared, config, display, caches)


def _changed_to(
    fit: Fit,
    prepared: PreparedData,
    config: FinetuneConfig,
    display: Display,
    caches: ExitStack,
) -> PreparedData:
    """Return the same images, in the same split, by another fit."""
    spec = replace(prepared.backbone.spec, fit=fit)
    backbone = replace(prepared.backbone, spec=spec)
    views = Views(spec, prepared.scan.training is not None, config.decode_limits)
    cache = caches.enter_context(open_cache(config.cache_dir, views))
    features = prepared.features
    assert features is not None
    with distributed.main_first():
        scan = read_again(prepared.scan, views, cache, display)
        unknown = read_again(prepared.unknown, views, cache, display)
        features = features_beside({}, features.exported, scan, display, known_s=0.0)
    return prepared.read_for(backbone, scan, unknown, features)


def _choose(
    prepared: PreparedData, config: FinetuneConfig, display: Display, budget: TimeBudget
) -> FitChoice:
    if prepared.features is None:
        return FitChoice(fit=_DEFAULT, reason="for there is no pretrained network to compare by")
    if (share := share_of_long(prepared.scan.images)) < ENOUGH_LONG:
        few = f"for {share:.0%} of the images are wider or taller than 5:4"
        return FitChoice(fit=_DEFAULT, reason=f"{few} (others are tried from {ENOUGH_LONG:.0%} on)")
    sample = draw_sample(prepared.dataset, prepared.groups, seed=config.seed)
    if sample is None:
        return FitChoice(fit=_DEFAULT, reason="for a class has too few images to compare")
    pixels = _fitted(prepared, sample, config)
    price_s = _price_s(prepared, sample, pixels)
    if price_s > _BUDGET_SHARE * budget.left_s:
        takes = f"for trying others would take some {describe_duration(price_s)}"
        reason = f"{takes}, over a quarter of what the time budget has left"
        return FitChoice(fit=_DEFAULT, reason=reason)
    return _compare(prepared, sample, pixels, display)


def _compare(
    prepared: PreparedData, sample: FitSample, pixels: FittedPixels, display: Display
) -> FitChoice:
    features = prepared.features
    assert features is not None
    with display.bar("comparing fits", len(pixels)) as advance:
        found = compute_embeddings(features.trunk, pixels, np.arange(len(pixels)), advance=advance)
    embeddings: dict[Fit, Floats] = {_DEFAULT: features.embeddings[sample.rows]}
    embeddings |= {fit: found[place :: len(_OTHERS)] for place, fit in enumerate(_OTHERS)}
    with display.stage("comparing fits"):
        trials = cross_validate_fits(embeddings, sample, balanced=is_imbalanced(prepared.dataset))
    best = best_fit(trials)
    figures = ", ".join(trial.describe() for trial in trials)
    return FitChoice(
        fit=best.fit, reason=f"by {len(sample.images)} images, cross-validated: {figures}"
    )


def _fitted(prepared: PreparedData, sample: FitSample, config: FinetuneConfig) -> FittedPixels:
    spec = prepared.backbone.spec
    files = [image.file.path for image in sample.images]
    return FittedPixels(files, [replace(spec, fit=fit) for fit in _OTHERS], config.decode_limits)


def _price_s(prepared: PreparedData, sample: FitSample, pixels: FittedPixels) -> float:
    """Return the seconds that comparing takes, and reading all images anew by another fit."""
    features = prepared.features
    assert features is not None
    num_timed = min(_TIMED_IMAGES, len(sample.images))
    began = time.monotonic()
    _ = pixels[np.arange(num_timed * len(_OTHERS))]
    decode_s = (time.monotonic() - began) / num_timed
    num_compared, num_images = len(sample.images), len(features.embeddings)
    feature_s = features.embedding_s / max(1, num_images)
    num_features = len(_OTHERS) * num_compared + num_images
    return _SLACK * (feature_s * num_features + decode_s * (num_compared + num_images))
