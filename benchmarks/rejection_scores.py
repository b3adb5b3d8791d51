"""Scores that tell known images from unknown ones, each fitted on the same embeddings and head.

Higher is more familiar. Each is written after its paper, with the paper's constants where it has any.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, softmax
from sklearn.covariance import ledoit_wolf

from training.networks.linear_head import LinearHead
from training.ood.score import (
    fit_ood_score,
    fit_prototypes,
    held_out_cosines,
    nearest_cosine,
)

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Scorer = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a score may be fitted on: train (M, D), its classes (M,), val (N, D), the head."""

    train: Floats
    targets: Integers
    val: Floats
    head: LinearHead


def make_scorers(known: Known) -> Mapping[str, Scorer]:
    """Return every score by its name: functions of embeddings (N, D) to (N,)."""
    logits = known.head.logits
    prototypes = fit_prototypes(known.train, known.targets)
    return {
        "max softmax": lambda e: softmax(logits(e), axis=1).max(axis=1),
        "max logit": lambda e: logits(e).max(axis=1),
        "energy": lambda e: logsumexp(logits(e), axis=1),
        "nearest neighbour": _fifth_nearest(known),
        "nearest prototype": lambda e: nearest_cosine(e, prototypes),
        **_mahalanobis(known),
        "ViM": _vim(known),
        "NNGuide": _nn_guide(known),
        "max logit + neighbour": _with_neighbour(known),
        "familiarity (ours)": _familiarity(known),
    }


def _familiarity(known: Known) -> Scorer:
    score, _ = fit_ood_score(
        known.train,
        known.targets,
        val_logits=known.head.logits(known.val),
        val_cosines=held_out_cosines(known.train, known.targets, known.val),
    )
    return lambda e: score.score(known.head.logits(e), e)


def _fifth_nearest(known: Known) -> Scorer:
    """Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest Neighbors"."""
    directions = _unit(known.train)
    k = min(5, len(directions))
    return lambda e: np.partition(_unit(e) @ directions.T, -k, axis=1)[:, -k]


def _with_neighbour(known: Known) -> Scorer:
    """Ours with every training embedding in place of the prototypes."""
    neighbour, logits = _fifth_nearest(known), known.head.logits
    terms: list[Scorer] = [lambda e: logits(e).max(axis=1), neighbour]
    scales = [(values.mean(), values.std() or 1.0) for values in (t(known.val) for t in terms)]

    def score(e: Floats) -> Floats:
        parts = [(t(e) - mean) / std for t, (mean, std) in zip(terms, scales, strict=True)]
        total: Floats = np.sum(parts, axis=0, dtype=np.float32)
        return total

    return score


def _mahalanobis(known: Known) -> dict[str, Scorer]:
    """Lee et al. 2018; relative: Ren et al. 2021. Covariances shrunk alike (Ledoit and Wolf 2004).

    With fewer images than entries of the embedding, a covariance cannot be inverted unshrunk.
    """
    train = known.train.astype(np.float64)
    classes = np.unique(known.targets)
    means = np.stack([train[known.targets == c].mean(axis=0) for c in classes])
    centred = train - means[np.searchsorted(classes, known.targets)]
    within = np.linalg.inv(ledoit_wolf(centred, assume_centered=True)[0])
    middle = train.mean(axis=0)
    total = np.linalg.inv(ledoit_wolf(train - middle, assume_centered=True)[0])

    def distance(e: Floats, mean: Floats, precision: Floats) -> Floats:
        offset = e - mean
        squared: Floats = np.einsum("nd,nd->n", offset @ precision, offset)
        return squared

    def nearest(e: Floats) -> Floats:
        distances = np.stack([distance(e, mean, within) for mean in means], axis=1)
        least: Floats = distances.min(axis=1)
        return least

    return {
        "Mahalanobis": lambda e: -nearest(e),
        "relative Mahalanobis": lambda e: distance(e, middle, total) - nearest(e),
    }


def _vim(known: Known) -> Scorer:
    """Wang et al. 2022, "ViM: Out-Of-Distribution with Virtual-logit Matching"."""
    origin = -np.linalg.pinv(known.head.weight) @ known.head.bias
    axes = np.linalg.svd(known.train - origin, full_matrices=False)[2]
    # The paper keeps 512 or 1000 of 768 to 2048 dimensions, of a million images; here there are fewer.
    kept = axes[: min(512, len(axes) // 2)]

    def residual(e: Floats) -> Floats:
        offset = e - origin
        length: Floats = np.linalg.norm(offset - (offset @ kept.T) @ kept, axis=1)
        return length

    logits = known.head.logits
    scale = logits(known.val).max(axis=1).mean() / residual(known.val).mean()
    return lambda e: logsumexp(logits(e), axis=1) - scale * residual(e)


def _nn_guide(known: Known) -> Scorer:
    """Park et al. 2023, "Nearest Neighbor Guidance for Out-of-Distribution Detection"."""
    logits = known.head.logits
    guided = _unit(known.train) * logsumexp(logits(known.train), axis=1)[:, np.newaxis]
    k = min(10, len(guided))

    def score(e: Floats) -> Floats:
        guidance = np.partition(_unit(e) @ guided.T, -k, axis=1)[:, -k:].mean(axis=1)
        guided_energy: Floats = logsumexp(logits(e), axis=1) * guidance
        return guided_energy

    return score


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-6)
    return unit
