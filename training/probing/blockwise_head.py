"""The same logistic regression as scikit-learn's, block by block: for many images.

scikit-learn needs one array of all images, scaled, and twice the logits of all of them: gigabytes at 100,000
images of 1,000 classes. Here the embeddings stay where and as they are; their scaling is folded into the
weights, and the loss is summed up block by block. Objective, penalty and the meaning of C are the same.

L-BFGS works on weights in the embeddings' main directions, scaled by the root of the curvature that the loss
has there before anything is learnt (a preconditioner), and all cores work on a block each. It starts from
zeros and ends where the loss hardly falls any more. Where C is large that is long before the smallest loss,
and a better head (early stopping).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from inference.cores import usable_cores
from training.networks.linear_head import LinearHead
from training.runtime.arrays import Doubles, Floats, Integers

# Of one block, whatever the number of classes is: its embeddings and its logits.
_BLOCK_BYTES: Final = 32 * 2**20
# As scikit-learn sets them.
_LINE_SEARCHES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slope:
    """A part of the loss, and of its slope by the weights (K, D) and biases (K,) of raw embeddings."""

    loss: float
    of_weight: Floats
    of_bias: Doubles


_Slopes = Callable[[LinearHead], Iterable[_Slope]]


class BlockwiseFitter:
    """Fits heads on embeddings that may lie in several arrays, each fit starting from zeros."""

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
            max_iterations: of L-BFGS.
            tolerance: it ends where a step makes the mean loss, in nats, smaller by less than this.
        """
        self._parts = parts
        self._targets = targets
        self._num_classes = int(targets.max()) + 1
        self._max_iterations = max_iterations
        self._tolerance = tolerance
        dimensions = parts[0].shape[1]
        self._block = max(1, _BLOCK_BYTES // (4 * (dimensions + 2 * self._num_classes)))
        self._mean, self._scale, self._variances, self._directions = self._main_directions()
        self._class_weights = np.ones(self._num_classes, dtype=np.float32)
        if balanced:
            counts = np.bincount(targets, minlength=self._num_classes)
            self._class_weights *= len(targets) / (self._num_classes * counts)

    def fit(self, C: float) -> LinearHead:
        """Return the head of an inverse L2 penalty."""
        # scikit-learn has one row of weights for two classes, in place of two opposite halves.
        strength = C / 2 if self._num_classes == 2 else C
        penalty = 1 / (strength * len(self._targets))
        even = (self._num_classes - 1) / self._num_classes**2
        steepness = np.sqrt(even * self._variances + penalty)

        def objective(slopes: _Slopes, flat: Doubles) -> tuple[float, Doubles]:
            turned, lifted = self._split(flat)
            weight = (turned / steepness) @ self._directions.T
            loss, of_weight, of_bias = self._loss(slopes, weight, lifted / np.sqrt(even))
            of_weight += penalty * weight
            of_turned = (of_weight @ self._directions) / steepness
            gradient = np.concatenate([of_turned.ravel(), of_bias / np.sqrt(even)])
            return loss + penalty * float((weight**2).sum()) / 2, gradient

        options = {
            "maxiter": self._max_iterations,
            "gtol": 0.0,
            "ftol": self._tolerance,  # absolute where the loss is below 1
            "maxls": _LINE_SEARCHES,
        }
        with ThreadPoolExecutor(usable_cores()) as pool, threadpool_limits(1, "blas"):

            def slopes(head: LinearHead) -> Iterable[_Slope]:
                return pool.map(lambda block: self._slope(head, *block), self._blocks())

            found = minimize(
                partial(objective, slopes),
                np.zeros(self._num_classes * (len(self._mean) + 1)),
                jac=True,
                method="L-BFGS-B",
                options=options,
            ).x
        turned, lifted = self._split(found)
        return self._folded((turned / steepness) @ self._directions.T, lifted / np.sqrt(even))

    def _loss(
        self, slopes: _Slopes, weight: Doubles, bias: Doubles
    ) -> tuple[float, Doubles, Doubles]:
        """Return the mean loss, and its slope by the weights (K, D) and biases (K,) of scaled embeddings."""
        head = self._folded(weight, bias)
        loss, of_bias = 0.0, np.zeros(self._num_classes)
        of_raw = np.zeros(head.weight.shape)
        for part in slopes(head):
            loss += part.loss
            of_raw += part.of_weight
            of_bias += part.of_bias
        num = len(self._targets)
        of_scaled = (of_raw - np.outer(of_bias, self._mean)) / self._scale
        return loss / num, of_scaled / num, of_bias / num

    def _slope(self, head: LinearHead, block: Floats, targets: Integers) -> _Slope:
        rows = np.arange(len(targets))
        slope = head.logits(block)
        slope -= slope.max(axis=1, keepdims=True)
        of_target = slope[rows, targets]
        np.exp(slope, out=slope)
        totals = slope.sum(axis=1)
        weights = self._class_weights[targets]
        loss = float(((np.log(totals) - of_target) * weights).sum(dtype=np.float64))
        slope *= (weights / totals)[:, np.newaxis]
        slope[rows, targets] -= weights
        return _Slope(
            loss=loss,
            of_weight=slope.T @ block,
            of_bias=slope.sum(axis=0, dtype=np.float64),
        )

    def _blocks(self) -> Iterator[tuple[Floats, Integers]]:
        begin = 0
        for part in self._parts:
            for start in range(0, len(part), self._block):
                block = part[start : start + self._block]
                yield block, self._targets[begin + start : begin + start + len(block)]
            begin += len(part)

    def _main_directions(self) -> tuple[Doubles, float, Doubles, Doubles]:
        """Return the mean (D,), one scale for all entries, and the scaled embeddings' main directions.

        These are their variances (D,), and the directions themselves, the columns of (D, D).
        """
        dimensions = self._parts[0].shape[1]
        total, products = np.zeros(dimensions), np.zeros((dimensions, dimensions))
        about = self._parts[0][: self._block].mean(axis=0)  # keeps the products small
        for block, _ in self._blocks():
            near = block - about
            total += near.sum(axis=0, dtype=np.float64)
            products += near.T @ near
        offset = total / len(self._targets)
        covariance = products / len(self._targets) - np.outer(offset, offset)
        scale = float(np.sqrt(max(float(covariance.diagonal().mean()), 0.0))) or 1.0
        variances, directions = np.linalg.eigh(covariance / scale**2)
        return about + offset, scale, np.maximum(variances, 0.0), directions

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
