"""Possible label errors.

Each image is predicted by probes that saw neither it nor a copy of it; it is suspect where they give its
label hardly any probability and another label more (Northcutt et al. 2021, "Confident Learning":
ranking by self-confidence).

Measured on 971 images with 42 swapped labels (seeds 3 to 9): of what is reported here 85 % had been
swapped, 83 % of the swapped are reported, and of the 42 most suspect 82 % had been swapped. Probes
fitted on the right labels of all other images would rank 84 % so: the rest look like the class that
they were put into. Margins, pruning what is suspect and fitting again, nearest neighbours and linear
discriminants changed that by less than one image.

cleanlab's `find_label_issues` with the same embeddings reports 33 to 43 % right at its defaults, since
it predicts copies from each other and cuts elsewhere. With our probabilities its part would be one
subtraction, and is not worth its dependencies.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from training.probing.blockwise_head import BlockwiseFitter
from training.runtime.arrays import Doubles, Floats, Integers

_MAX_CONFIDENCE: Final = 0.05
_FOLDS: Final = 5
# One dealing of folds is chance; four dealings on average found a tenth more of the swapped labels.
_DEALINGS: Final = 4
# From this many images on there is one dealing: at 50,000 four took five minutes on two busy cores. And no
# array of all images by all classes, nor scikit-learn's dealing, which makes two and tries every fold
# for every group: at 100,000 images of 1,000 classes they are gigabytes and minutes.
_MANY_IMAGES: Final = 20_000
# Strong regularisation, for embeddings of a mean squared length of 256: a probe that learns wrong
# labels by heart is as sure of them as of right ones.
_C: Final = 0.01
_LENGTH: Final = 16.0
_MAX_ITERATIONS: Final = 100
_TOLERANCE: Final = 1e-3
# Of many images: a fit ends where a step makes the mean loss, in nats, smaller by less than this.
_LOSS_TOLERANCE: Final = 1e-5
_BLOCK: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectLabel:
    """`label` and `suggested` are class indices; `score` 0..1 is the probability of `label`."""

    row: int
    label: int
    suggested: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCheck:
    """What probes say of images that they were not fitted on.

    `confidence` (N,) is the probability of an image's own label, 0..1; `likeliest` (N,) the likeliest class.
    """

    confidence: Doubles
    likeliest: Integers

    def suspects(self, targets: Integers) -> list[SuspectLabel]:
        """Return the images that look like another class than theirs (N,), the most suspect first."""
        own = self.confidence
        found = np.flatnonzero((own < _MAX_CONFIDENCE) & (self.likeliest != targets))
        return [
            SuspectLabel(
                row=int(row),
                label=int(targets[row]),
                suggested=int(self.likeliest[row]),
                score=float(own[row]),
            )
            for row in found[np.argsort(own[found], kind="stable")]
        ]


def find_suspect_labels(
    embeddings: Floats, targets: Integers, groups: Integers, *, seed: int
) -> list[SuspectLabel]:
    """Return the images that look like another class than theirs; see `check_labels`."""
    check = check_labels(embeddings, targets, groups, seed=seed)
    return [] if check is None else check.suspects(targets)


def check_labels(
    embeddings: Floats, targets: Integers, groups: Integers, *, seed: int
) -> LabelCheck | None:
    """Predict every image by probes that saw neither it nor a copy of it.

    Args:
        embeddings: (N, D).
        targets: class indices (N,).
        groups: (N,) group numbers; copies of one photo share one.
        seed: of the dealing into folds.

    Returns:
        None where a class has too few different images to be predicted from others.
    """
    num_different = _distinct_images(targets, groups)
    num_folds = min(_FOLDS, *num_different)
    if num_folds < 2 or len(num_different) < 2:
        return None
    if len(targets) >= _MANY_IMAGES:
        return _check_many(embeddings, targets, groups, num_folds, seed)
    # The fits are small: with more threads they wait for each other, ten times as long.
    with threadpool_limits(1):
        probabilities = _held_out_probabilities(embeddings, targets, groups, num_folds, seed)
    own = probabilities[np.arange(len(targets)), targets]
    return LabelCheck(confidence=own, likeliest=probabilities.argmax(axis=1))


def _distinct_images(targets: Integers, groups: Integers) -> list[int]:
    """Return the number of different images of each class, copies counted once."""
    return [len(np.unique(groups[targets == label])) for label in np.unique(targets)]


def _held_out_probabilities(
    embeddings: Floats, targets: Integers, groups: Integers, num_folds: int, seed: int
) -> Doubles:
    """Return (N, K), the mean over several dealings."""
    scaled = _scaled(embeddings)
    total = np.zeros((len(targets), int(targets.max()) + 1))
    for dealing in range(_DEALINGS):
        folds = StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed + dealing)
        for rest, held in folds.split(scaled, targets, groups):
            model = LogisticRegression(C=_C, max_iter=_MAX_ITERATIONS, tol=_TOLERANCE)
            model.fit(scaled[rest], targets[rest])
            total[np.ix_(held, model.classes_)] += model.predict_proba(scaled[held])
    return total / _DEALINGS


def _check_many(
    embeddings: Floats, targets: Integers, groups: Integers, num_folds: int, seed: int
) -> LabelCheck:
    """Do the same with one dealing, and keep of each image's probabilities only what is asked for."""
    folds = _dealt(targets, groups, num_folds, seed)
    confidence, likeliest = np.empty(len(targets)), np.empty(len(targets), dtype=np.int64)
    # The fitter scales embeddings to a mean squared length of their number of entries.
    strength = _C * _LENGTH**2 / embeddings.shape[1]
    for fold in range(num_folds):
        held = np.flatnonzero(folds == fold)
        rest = folds != fold
        fitter = BlockwiseFitter(
            [embeddings[rest]],
            targets[rest],
            max_iterations=_MAX_ITERATIONS,
            tolerance=_LOSS_TOLERANCE,
        )
        head = fitter.fit(strength)
        for start in range(0, len(held), _BLOCK):
            rows = held[start : start + _BLOCK]
            probabilities = softmax(head.logits(embeddings[rows]), axis=1)
            confidence[rows] = probabilities[np.arange(len(rows)), targets[rows]]
            likeliest[rows] = probabilities.argmax(axis=1)
    return LabelCheck(confidence=confidence, likeliest=likeliest)


def _dealt(targets: Integers, groups: Integers, num_folds: int, seed: int) -> Integers:
    """Return the fold of each image, (N,): no group is parted, and each class's groups are dealt evenly."""
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    # By class, and in it by chance; the next class begins where the last one ended.
    chance = np.random.default_rng(seed).permutation(len(first))
    folds = np.empty(len(first), dtype=np.int64)
    folds[np.lexsort((chance, targets[first]))] = np.arange(len(first)) % num_folds
    dealt: Integers = folds[group]
    return dealt


def _scaled(embeddings: Floats) -> Doubles:
    """Return the embeddings (N, D) about their mean, of one mean length."""
    centred = (embeddings - embeddings.mean(axis=0)).astype(np.float64)
    length = np.sqrt((centred**2).sum(axis=1).mean())
    scaled: Doubles = centred * (_LENGTH / max(float(length), 1e-6))
    return scaled
