"""Embeddings in fewer numbers, so that tens of thousands of images can be compared in little memory.

Principal component analysis (Hotelling 1933), block by block: beside the embeddings themselves there
is never more in memory than the result.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from training.runtime.arrays import Doubles, Floats

# 256 components tell as much as 1280 numbers here: the same copies are proposed, and labels are
# compared alike, ten times faster.
_MAX_COMPONENTS: Final = 256
_BLOCK: Final = 4096


def main_components(embeddings: Floats) -> Floats:
    """Return the embeddings (N, D) about their mean, in their main directions: (N, at most 256)."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    covariance = sum(block.T @ block for block in _centred(embeddings, mean))
    with threadpool_limits(1, user_api="blas"):  # more threads mostly wait for each other
        _, directions = np.linalg.eigh(covariance)  # the strongest last
    main = directions[:, -_MAX_COMPONENTS:]
    components = np.empty((len(embeddings), main.shape[1]), dtype=np.float32)
    for number, block in enumerate(_centred(embeddings, mean)):
        components[number * _BLOCK : (number + 1) * _BLOCK] = block @ main
    return components


def _centred(embeddings: Floats, mean: Doubles) -> Iterator[Doubles]:
    for start in range(0, len(embeddings), _BLOCK):
        yield embeddings[start : start + _BLOCK] - mean
