"""A linear head fitted to probabilities in place of classes: multinomial logistic regression by L-BFGS.

scikit-learn's takes classes only. Objective, scale and the meaning of C are those of `probing.probe`.
"""

from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from training.networks.linear_head import LinearHead
from training.probing.blas_threads import blas_threads
from training.runtime.arrays import Doubles, Floats

_MAX_ITERATIONS: Final = 200
_TOLERANCE: Final = 1e-4


class SoftHeadFitter:
    """Fits heads to targets (N, K), rows of which sum to an image's weight; each from the last one."""

    def __init__(self, embeddings: Floats, targets: Floats) -> None:
        self._targets = targets.astype(np.float32)
        self._weights = self._targets.sum(axis=1, keepdims=True)
        self._mean = embeddings.mean(axis=0)
        self._scale = float((embeddings - self._mean).std()) or 1.0
        self._inputs = np.ascontiguousarray(
            (embeddings - self._mean) / self._scale, dtype=np.float32
        )
        self._found = np.zeros(targets.shape[1] * (embeddings.shape[1] + 1))

    def fit(self, C: float) -> LinearHead:
        """Return the head of an inverse L2 penalty."""
        total = float(self._weights.sum())

        def objective(flat: Doubles) -> tuple[float, Doubles]:
            weight, bias = self._parts(flat)
            logits = self._inputs @ weight.T.astype(np.float32) + bias.astype(np.float32)
            loss = -float((self._targets * log_softmax(logits, axis=1)).sum(dtype=np.float64))
            slope = (softmax(logits, axis=1) * self._weights - self._targets) / total
            of_weight = (slope.T @ self._inputs).astype(np.float64) + weight / (C * total)
            gradient = np.concatenate([of_weight.ravel(), slope.sum(axis=0, dtype=np.float64)])
            return loss / total + float((weight**2).sum()) / (2 * C * total), gradient

        options = {"maxiter": _MAX_ITERATIONS, "gtol": _TOLERANCE}
        with blas_threads(self._inputs):
            self._found = minimize(
                objective, self._found, jac=True, method="L-BFGS-B", options=options
            ).x
        weight, bias = self._parts(self._found)
        unscaled = weight / self._scale
        return LinearHead(
            weight=unscaled.astype(np.float32),
            bias=(bias - unscaled @ self._mean).astype(np.float32),
        )

    def _parts(self, flat: Doubles) -> tuple[Doubles, Doubles]:
        num_classes = self._targets.shape[1]
        return flat[:-num_classes].reshape(num_classes, -1), flat[-num_classes:]
