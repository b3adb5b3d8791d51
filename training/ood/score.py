"""The OOD score, higher for images like the training images: what the graph's output `familiarity` computes.

The sum of two measures, each in standard deviations from its mean over validation images:

- the largest logit, which is low where no class speaks up (Vaze et al. 2022, "Open-Set Recognition: a
  Good Closed-Set Classifier is All You Need?"), best for things near to the classes;
- the cosine between the embedding and the nearest of a few prototypes a class, best for things far from
  all of them. After Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest Neighbors", with
  the centres of k-means in place of all training images: `benchmarks/rejection.py` found them no worse.
"""

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from inference.manifest import ScoreTerm
from training.runtime.arrays import Floats, Integers

PROTOTYPES_PER_CLASS: Final = 4
# With many classes, one prototype each still tells far from near, and costs no more than the head.
MAX_PROTOTYPES: Final = 512
# Shorter embeddings count as this long: one of zeros has no direction.
MIN_LENGTH: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class OodScore:
    """The numbers of the score. `prototypes`: (P, D) rows of length 1."""

    prototypes: Floats
    max_logit: ScoreTerm
    prototype_cosine: ScoreTerm

    def score(self, logits: Floats, embeddings: Floats) -> Floats:
        """Return (N,) for logits (N, K) and embeddings (N, D); higher is more like the training images."""
        return self.combine(logits, nearest_cosine(embeddings, self.prototypes))

    def combine(self, logits: Floats, cosines: Floats) -> Floats:
        """Return (N,) for logits (N, K) and the cosines to the nearest prototype (N,)."""
        combined: Floats = _standardised(logits.max(axis=1), self.max_logit) + _standardised(
            cosines, self.prototype_cosine
        )
        return combined


def fit_ood_score(
    embeddings: Floats, targets: Integers, *, val_logits: Floats, val_cosines: Floats
) -> tuple[OodScore, Floats]:
    """Return the score, and what it gives the validation images, (N,).

    Args:
        embeddings, targets: of training images, (M, D) and (M,).
        val_logits: (N, K) of a head that has not seen the validation images.
        val_cosines: (N,) as from `held_out_cosines`.
    """
    ood_score = OodScore(
        prototypes=fit_prototypes(embeddings, targets),
        max_logit=_term(val_logits.max(axis=1)),
        prototype_cosine=_term(val_cosines),
    )
    return ood_score, ood_score.combine(val_logits, val_cosines)


def held_out_cosines(
    embeddings: Floats,
    targets: Integers,
    val_embeddings: Floats,
    *,
    folds: Integers | None = None,
    val_folds: Integers | None = None,
) -> Floats:
    """Return how near each validation image is to prototypes of others, (N,).

    Args:
        embeddings, targets: of training images, (M, D) and (M,).
        val_embeddings: (N, D).
        folds, val_folds: the fold of each image, (M,) and (N,), where the validation images are
            training images: each is compared with prototypes of the other folds, so that none is its own
            neighbour. None where they were held out.
    """
    if folds is None or val_folds is None:
        return nearest_cosine(val_embeddings, fit_prototypes(embeddings, targets))
    cosines = np.empty(len(val_embeddings), dtype=np.float32)
    for fold in np.unique(val_folds):
        others = fit_prototypes(embeddings[folds != fold], targets[folds != fold])
        held_out = val_folds == fold
        cosines[held_out] = nearest_cosine(val_embeddings[held_out], others)
    return cosines


def fit_prototypes(embeddings: Floats, targets: Integers) -> Floats:
    """Return the directions (P, D) around which each class's embeddings (M, D) gather."""
    directions = _unit(embeddings)
    classes = np.unique(targets)
    per_class = max(1, min(PROTOTYPES_PER_CLASS, MAX_PROTOTYPES // len(classes)))
    centres = [_centres(directions[targets == index], per_class) for index in classes]
    return _unit(np.concatenate(centres))


def nearest_cosine(embeddings: Floats, prototypes: Floats) -> Floats:
    """Return the largest cosine (N,) between embeddings (N, D) and prototypes (P, D) of length 1."""
    lengths = np.linalg.norm(embeddings, axis=1).clip(min=MIN_LENGTH)
    nearest: Floats = (embeddings @ prototypes.T).max(axis=1) / lengths
    return nearest


def _centres(directions: Floats, num: int) -> Floats:
    if len(directions) <= num:
        return directions
    model = KMeans(num, n_init=3, random_state=0)
    # On so little, a second thread costs ten times what it gives: 0.5 s against 0.05 s for 510 x 1280.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different images than centres
        centres: Floats = model.fit(directions).cluster_centers_.astype(np.float32)
    return centres


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=MIN_LENGTH)
    return unit


def _term(values: Floats) -> ScoreTerm:
    # Equal values, as of a single image, tell no scale.
    deviation = float(values.std())
    return ScoreTerm(mean=float(values.mean()), deviation=deviation if deviation > 1e-6 else 1.0)


def _standardised(values: Floats, term: ScoreTerm) -> Floats:
    standardised: Floats = ((values - term.mean) / term.deviation).astype(np.float32)
    return standardised
