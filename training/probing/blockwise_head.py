"""The same logistic regression as scikit-learn's, block by block: for so many images that memory counts.

scikit-learn needs one array of all images, scaled, and twice the logits of all of them: gigabytes at 100,000
images of 1,000 classes. Here the embeddings stay where and as they are; their scaling is folded into the
weights, and the loss is summed up block by block. Objective, penalty and the meaning of C are the same.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from training.networks.linear_head import LinearHead
from training.runtime.arrays import Doubles, Floats, Integers

# Of one block, whatever the number of classes is: its embeddings and its logits.
_BLOCK_BYTES: Final = 32 * 2**20
# As scikit-learn sets them.
_LINE_SEARCHES: Final = 50
_LOSS_TOLERANCE: Final = 64 * float(np.finfo(np.float64).eps)


class BlockwiseFitter:
    """Fits heads on embeddings that may lie in several arrays, each fit starting from the one before."""

    def __init__(
        self,
        parts: Sequence[Floats],
        targets: Integers,
        *,
        balanced: bool = False,
        max_iterations: int,
        tolerance: float,
    ) -> None:
        """Look through the embeddings once.

        Args:
            parts: (M, D) each, float32; together N.
            targets: class indices (N,), in the order of the parts; every class occurs where `balanced`.
            balanced: weigh the classes by the inverse of their size.
            max_iterations, tolerance: of L-BFGS; the tolerance is of the largest slope.
        """
        self._parts = parts
        self._targets = targets
        self._num_classes = int(targets.max()) + 1
        self._max_iterations = max_iterations
        self._tolerance = tolerance
        dimensions = parts[0].shape[1]
        self._block = max(1, _BLOCK_BYTES // (4 * (dimensions + 2 * self._num_classes)))
        self._mean, self._scale = self._mean_and_scale(dimensions)
        self._class_weights = np.ones(self._num_classes, dtype=np.float32)
        if balanced:
            counts = np.bincount(targets, minlength=self._num_classes)
            self._class_weights *= len(targets) / (self._num_classes * counts)
        self._found = np.zeros(self._num_classes * (dimensions + 1))

    def fit(self, C: float) -> LinearHead:
        """Return the head of an inverse L2 penalty."""
        # scikit-learn has one row of weights for two classes, in place of two opposite halves.
        strength = C / 2 if self._num_classes == 2 else C
        penalty = 1 / (strength * len(self._targets))

        def objective(flat: Doubles) -> tuple[float, Doubles]:
            weight, bias = self._split(flat)
            loss, of_weight, of_bias = self._loss(weight, bias)
            gradient = np.concatenate([(of_weight + penalty * weight).ravel(), of_bias])
            return loss + penalty * float((weight**2).sum()) / 2, gradient

        options = {
            "maxiter": self._max_iterations,
            "gtol": self._tolerance,
            "ftol": _LOSS_TOLERANCE,
            "maxls": _LINE_SEARCHES,
        }
        self._found = minimize(
            objective, self._found, jac=True, method="L-BFGS-B", options=options
        ).x
        return self._folded(*self._split(self._found))

    def _loss(self, weight: Doubles, bias: Doubles) -> tuple[float, Doubles, Doubles]:
        """Return the mean loss, and its slope by the weights (K, D) and biases (K,) of scaled embeddings."""
        head = self._folded(weight, bias)
        loss, of_bias = 0.0, np.zeros(self._num_classes)
        of_raw = np.zeros(head.weight.shape)
        for block, targets in self._blocks():
            rows = np.arange(len(targets))
            slope = head.logits(block)
            slope -= logsumexp(slope, axis=1, keepdims=True)
            weights = self._class_weights[targets]
            loss -= float((slope[rows, targets] * weights).sum(dtype=np.float64))
            np.exp(slope, out=slope)
            slope[rows, targets] -= 1
            slope *= weights[:, np.newaxis]
            of_raw += slope.T @ block
            of_bias += slope.sum(axis=0, dtype=np.float64)
        num = len(self._targets)
        of_scaled = (of_raw - np.outer(of_bias, self._mean)) / self._scale
        return loss / num, of_scaled / num, of_bias / num

    def _blocks(self) -> Iterator[tuple[Floats, Integers]]:
        begin = 0
        for part in self._parts:
            for start in range(0, len(part), self._block):
                block = part[start : start + self._block]
                yield block, self._targets[begin + start : begin + start + len(block)]
            begin += len(part)

    def _mean_and_scale(self, dimensions: int) -> tuple[Doubles, float]:
        """Return the mean (D,), and one scale for all entries."""
        total, squares = np.zeros(dimensions), np.zeros(dimensions)
        for block, _ in self._blocks():
            precise = block.astype(np.float64)
            total += precise.sum(axis=0)
            squares += np.einsum("ij,ij->j", precise, precise)
        mean = total / len(self._targets)
        variance = squares / len(self._targets) - mean**2
        return mean, float(np.sqrt(max(float(variance.mean()), 0.0))) or 1.0

    def _folded(self, weight: Doubles, bias: Doubles) -> LinearHead:
        """Return the same head for embeddings as they are."""
        unscaled = weight / self._scale
        return LinearHead(
            weight=unscaled.astype(np.float32),
            bias=(bias - unscaled @ self._mean).astype(np.float32),
        )

    def _split(self, flat: Doubles) -> tuple[Doubles, Doubles]:
        weight = flat[: -self._num_classes].reshape(self._num_classes, -1)
        return weight, flat[-self._num_classes :]
