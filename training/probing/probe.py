"""The probe: a multinomial logistic regression on the frozen trunk's embeddings.

Kornblith et al. 2019, "Do Better ImageNet Models Transfer Better?": L-BFGS, L2, with C chosen
on validation data. The scaling that the solver needs is folded into the head, so the served graph
has one linear layer and nothing else.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from training.assessment.calibration import fit_temperature
from training.assessment.nll import negative_log_likelihood
from training.networks.linear_head import LinearHead
from training.probing.blas_threads import blas_threads
from training.probing.blockwise_head import BlockwiseFitter
from training.runtime.arrays import Floats, Integers

# scikit-learn's C, the inverse of the L2 penalty: weak regularisation last.
C_GRID: Final = tuple(float(c) for c in np.logspace(-4, 1.5, 12))
_MAX_ITERATIONS: Final = 300
_TOLERANCE: Final = 1e-4
# Numbers of a scaled copy and the logits, twice; from here on (32 MiB) heads are fitted block by block.
_LARGE: Final = 2**23
# There a fit ends where a step makes the mean loss smaller by less than this, in nats. With C = 31.6, 7,000
# images of 100 classes: 82.5 % of others right at 1e-4 (loss 0.63), 79.9 % at 1e-6 (0.73) in twice the time;
# scikit-learn with its best C 79.1 % (0.74).
_LOSS_TOLERANCE: Final = 1e-4
# C is chosen on at most so many training images: each C costs as much as the fit on as many.
_MAX_SEARCH_IMAGES: Final = 20_000
# A large C is the slowest to fit; past the best one the loss only grows.
_PATIENCE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbeTrial:
    """One C that was tried, and its loss and accuracy on validation data.

    Attributes:
        C: the inverse L2 regularisation strength: the larger, the weaker.
        logits: (N, K) on validation images, each of a head that was not fitted on that image; (0, K) of
            what was tried and not chosen, unless they were asked for.
        accuracy: 0..1.
        nll: in nats at the best temperature, for that is how it would be served.
        spread: the standard deviation of the accuracy over the folds, None where one set of images was
            held out.
    """

    C: float
    logits: Floats
    accuracy: float
    nll: float
    spread: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The head of the chosen C and everything that was tried, in order.

    What was tried has logits of `head` itself, or with folds of heads of the other folds. C was chosen with
    heads fitted on `search_images` training images; on fewer than all, `chosen` alone is of a head of all.
    """

    head: LinearHead
    chosen: ProbeTrial
    trials: tuple[ProbeTrial, ...]
    search_images: int


def fit_probe(
    train: Floats,
    train_targets: Integers,
    val: Floats,
    val_targets: Integers,
    *,
    balanced: bool = False,
    every_logits: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Probe:
    """Fit heads of growing C and keep the one with the lowest validation loss.

    The loss, not the accuracy, chooses: on a few hundred images it is the steadier measure. It is taken
    at the best temperature, which is fitted afterwards anyway: without it, a strong regularisation
    would be blamed for probabilities that are merely too even.

    Args:
        train, val: embeddings (N, D).
        train_targets, val_targets: class indices (N,); every class occurs in `train_targets`.
        balanced: weigh the classes by the inverse of their size.
        every_logits: keep those of every C, which are then to be compared with another network's.
        advance: called with the number of values of C that are done with.
    """
    # Logits that are to be compared with another network's are all of heads of all images.
    part = np.arange(len(train)) if every_logits else _search_part(train_targets)
    whole = len(part) == len(train_targets)
    searched = train if whole else train[part]
    fitter = _fitter([searched], train_targets[part], balanced=balanced)
    heads: list[LinearHead] = []

    def evaluate(C: float) -> tuple[Floats, None]:
        heads.append(fitter.fit(C))
        return heads[-1].logits(val), None

    trials, best = _search(evaluate, val_targets, advance, every_logits=every_logits)
    head, chosen = heads[best], trials[best]
    if not whole:
        head = _fitter([train], train_targets, balanced=balanced).fit(chosen.C)
        chosen = make_trial(chosen.C, head.logits(val), val_targets)
        trials = (*trials[:best], chosen, *trials[best + 1 :])
    return Probe(head=head, chosen=chosen, trials=trials, search_images=len(part))


def cross_validate_probe(
    embeddings: Floats,
    targets: Integers,
    folds: Integers,
    *,
    balanced: bool = False,
    grid: Sequence[float] = C_GRID,
    every_logits: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Probe:
    """Choose C of `grid` by cross-validation over `folds` (N,), then fit on all images.

    `every_logits` is as in `fit_probe`.

    Raises:
        ValueError: a fold holds every image of a class.
    """
    trials, best = cross_validate_grid(
        embeddings,
        targets,
        folds,
        balanced=balanced,
        grid=grid,
        every_logits=every_logits,
        advance=advance,
    )
    head = fit_head(embeddings, targets, C=trials[best].C, balanced=balanced)
    return Probe(head=head, chosen=trials[best], trials=trials, search_images=len(targets))


def cross_validate_grid(
    embeddings: Floats,
    targets: Integers,
    folds: Integers,
    *,
    balanced: bool = False,
    grid: Sequence[float] = C_GRID,
    every_logits: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[tuple[ProbeTrial, ...], int]:
    """Return what was tried of `grid` over `folds` (N,), and the index of the lowest loss.

    `every_logits` is as in `fit_probe`.

    Raises:
        ValueError: a fold holds every image of a class.
    """
    held_out = [folds == fold for fold in np.unique(folds)]
    for out in held_out:
        if not np.array_equal(np.unique(targets[~out]), np.unique(targets)):
            raise ValueError("a fold holds every image of a class")
    fitters = [_fitter([embeddings[~out]], targets[~out], balanced=balanced) for out in held_out]

    def evaluate(C: float) -> tuple[Floats, float]:
        logits = np.empty((len(targets), int(targets.max()) + 1), dtype=np.float32)
        accuracies = []
        for fitter, out in zip(fitters, held_out, strict=True):
            logits[out] = fitter.fit(C).logits(embeddings[out])
            accuracies.append((logits[out].argmax(axis=1) == targets[out]).mean())
        return logits, float(np.std(accuracies))

    return _search(evaluate, targets, advance, grid, every_logits=every_logits)


def fit_head(
    embeddings: Floats, targets: Integers, *, C: float, balanced: bool = False
) -> LinearHead:
    """Fit one head on embeddings (N, D) and class indices (N,)."""
    return fit_head_on_parts([embeddings], targets, C=C, balanced=balanced)


def fit_head_on_parts(
    parts: Sequence[Floats], targets: Integers, *, C: float, balanced: bool = False
) -> LinearHead:
    """Fit one head on embeddings (M, D) in several arrays, together N, and class indices (N,)."""
    return _fitter(parts, targets, balanced=balanced).fit(C)


def make_trial(
    C: float, logits: Floats, targets: Integers, *, spread: float | None = None
) -> ProbeTrial:
    """Return the loss and accuracy of one C: of its logits (N, K) on the validation images' classes (N,)."""
    return ProbeTrial(
        C=C,
        logits=logits,
        accuracy=float((logits.argmax(axis=1) == targets).mean()),
        nll=negative_log_likelihood(logits, targets, temperature=fit_temperature(logits, targets)),
        spread=spread,
    )


def _search(
    evaluate: Callable[[float], tuple[Floats, float | None]],
    targets: Integers,
    advance: Callable[[int], None],
    grid: Sequence[float] = C_GRID,
    *,
    every_logits: bool,
) -> tuple[tuple[ProbeTrial, ...], int]:
    """Try each C in order until the loss has grown twice; return all and the best's index."""
    trials: list[ProbeTrial] = []
    best = 0
    for C in grid:
        logits, spread = evaluate(C)
        trials.append(make_trial(C, logits, targets, spread=spread))
        advance(1)
        best = min(range(len(trials)), key=lambda i: trials[i].nll)
        if not every_logits:  # as many gigabytes as embeddings with a thousand classes
            nothing = np.empty((0, logits.shape[1]), dtype=logits.dtype)
            trials = [t if t is trials[best] else replace(t, logits=nothing) for t in trials]
        if len(trials) - 1 - best >= _PATIENCE:
            advance(len(grid) - len(trials))
            break
    return tuple(trials), best


def _search_part(targets: Integers) -> Integers:
    """Return places (M,) in order: all, or as large a share of each class (N,) as there may be of all."""
    share = _MAX_SEARCH_IMAGES / len(targets)
    if share >= 1:
        return np.arange(len(targets))
    shuffled = np.random.default_rng(0).permutation(len(targets))
    of_classes = [shuffled[targets[shuffled] == index] for index in np.unique(targets)]
    kept = [of_class[: max(1, int(share * len(of_class)))] for of_class in of_classes]
    return np.sort(np.concatenate(kept))


def _fitter(
    parts: Sequence[Floats], targets: Integers, *, balanced: bool
) -> "_Fitter | BlockwiseFitter":
    num_classes = int(targets.max()) + 1
    if len(targets) * (parts[0].shape[1] + 2 * num_classes) < _LARGE:
        embeddings = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return _Fitter(embeddings, targets, balanced=balanced)
    return BlockwiseFitter(
        parts,
        targets,
        balanced=balanced,
        max_iterations=_MAX_ITERATIONS,
        tolerance=_LOSS_TOLERANCE,
    )


class _Fitter:
    """Fits heads on the same images, each fit starting from the one before."""

    def __init__(self, embeddings: Floats, targets: Integers, *, balanced: bool) -> None:
        self._targets = targets
        self._mean = embeddings.mean(axis=0)
        # One scale for all entries, as in Kumar et al. 2022 (LP-FT): the trunk's proportions stay.
        self._scale = float((embeddings - self._mean).std()) or 1.0
        scaled = np.ascontiguousarray((embeddings - self._mean) / self._scale)
        # With fewer images than entries, the penalised optimum lies in the span of the images: their
        # coordinates there give the same head from a smaller problem.
        with blas_threads(scaled):
            self._basis = np.linalg.qr(scaled.T)[0] if len(scaled) < scaled.shape[1] else None
            self._inputs = scaled if self._basis is None else scaled @ self._basis
        self._model = LogisticRegression(
            solver="lbfgs",
            warm_start=True,
            max_iter=_MAX_ITERATIONS,
            tol=_TOLERANCE,
            class_weight="balanced" if balanced else None,
        )

    def fit(self, C: float) -> LinearHead:
        self._model.set_params(C=C)
        with warnings.catch_warnings(), blas_threads(self._inputs):
            # The validation loss decides, not the solver.
            warnings.simplefilter("ignore", ConvergenceWarning)
            # Of a thousand classes a sample may hold one image each.
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            self._model.fit(self._inputs, self._targets)
        weight: Floats = self._model.coef_
        if self._basis is not None:
            weight = weight @ self._basis.T
        return _folded(weight, self._model.intercept_, self._mean, self._scale)


def _folded(weight: Floats, bias: Floats, mean: Floats, scale: float) -> LinearHead:
    """Fold (x - mean) / scale into the head. Two classes become two symmetric logits."""
    if len(weight) == 1:
        halves = np.array([-0.5, 0.5], dtype=np.float32)
        weight, bias = halves[:, np.newaxis] * weight, halves * bias
    unscaled = weight / scale
    offset = bias - unscaled @ mean
    return LinearHead(weight=unscaled.astype(np.float32), bias=offset.astype(np.float32))
