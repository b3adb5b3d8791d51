"""The probe: a multinomial logistic regression on the frozen trunk's embeddings.

Kornblith et al. 2019, "Do Better ImageNet Models Transfer Better?": L-BFGS, L2, the strength chosen
on validation data. The scaling that the solver needs is folded into the head, so the served graph
has one linear layer and nothing else.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from training.calibration import negative_log_likelihood
from training.head import LinearHead

Floats = npt.NDArray[np.float32]
Targets = npt.NDArray[np.int64]

# Inverse L2 strengths, weak regularisation last; each fit starts from the one before.
STRENGTHS: Final = tuple(float(c) for c in np.logspace(-4, 1.5, 12))
_MAX_ITERATIONS: Final = 300
# Weaker strengths are the slowest to fit; past the best one the loss only grows.
_PATIENCE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTrial:
    """One strength that was tried, and how it did on validation data (accuracy 0..1, nats)."""

    strength: float
    accuracy: float
    nll: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The chosen head and everything that was tried, in order."""

    head: LinearHead
    chosen: ProbeTrial
    trials: tuple[ProbeTrial, ...]


def fit_probe(
    train: Floats,
    train_targets: Targets,
    val: Floats,
    val_targets: Targets,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Probe:
    """Fit heads of growing strength and keep the one with the lowest validation loss.

    The loss, not the accuracy, chooses: on a few hundred images it is the steadier judge, and the
    probabilities are served.

    Args:
        train, val: embeddings (N, D).
        train_targets, val_targets: class indices (N,); every class occurs in `train_targets`.
        advance: told how many more strengths need no fitting any more.
    """
    mean = train.mean(axis=0)
    # One scale for all entries, as in Kumar et al. 2022 (LP-FT): the trunk's own proportions stay.
    scale = float((train - mean).std()) or 1.0
    model = LogisticRegression(solver="lbfgs", warm_start=True, max_iter=_MAX_ITERATIONS, tol=1e-4)
    scaled = np.ascontiguousarray((train - mean) / scale, dtype=np.float32)
    trials: list[ProbeTrial] = []
    heads: list[LinearHead] = []
    for strength in STRENGTHS:
        model.set_params(C=strength)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # validation judges, not the solver
            model.fit(scaled, train_targets)
        head = _folded(model, mean, scale)
        logits = head.logits(val)
        heads.append(head)
        trials.append(
            ProbeTrial(
                strength=strength,
                accuracy=float((logits.argmax(axis=1) == val_targets).mean()),
                nll=negative_log_likelihood(logits, val_targets),
            )
        )
        advance(1)
        best = min(range(len(trials)), key=lambda i: trials[i].nll)
        if len(trials) - 1 - best >= _PATIENCE:
            advance(len(STRENGTHS) - len(trials))
            break
    return Probe(head=heads[best], chosen=trials[best], trials=tuple(trials))


def _folded(model: LogisticRegression, mean: Floats, scale: float) -> LinearHead:
    """Fold (x - mean) / scale into the head. Two classes become two symmetric logits."""
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    weight = weight / scale
    bias = bias - weight @ mean
    return LinearHead(weight=weight.astype(np.float32), bias=bias.astype(np.float32))
