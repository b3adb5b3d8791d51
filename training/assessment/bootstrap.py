"""The bootstrap: how far a figure would move had other images of the same kind been drawn.

Efron 1979, "Bootstrap Methods: Another Look at the Jackknife". Images are drawn again with replacement,
always with the same seed, and intervals are percentiles of what comes out.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training.assessment.intervals import Interval
from training.runtime.arrays import Doubles, Flags, Integers

_SEED: Final = 0
_MEAN_RESAMPLES: Final = 2_000
_PAIR_RESAMPLES: Final = 10_000


def resampled_counts(counts: Integers, *, resamples: int) -> Iterable[Integers]:
    """Yield counts of outcomes, of the shape of `counts`, of images that are drawn again.

    Images with the same outcome are alike, so that it is their numbers that are drawn (multinomial).
    """
    num_images = counts.sum()
    filled = np.flatnonzero(counts)
    shares = counts.ravel()[filled] / num_images
    rng = np.random.default_rng(_SEED)
    drawn = np.zeros_like(counts)
    for _ in range(resamples):
        drawn.flat[filled] = rng.multinomial(num_images, shares)
        yield drawn


def interval_of(
    counts: Integers, statistic: Callable[[Integers], float], *, resamples: int
) -> Interval:
    """Return the 95 % interval of a statistic of counts of outcomes."""
    return _percentiles(
        [statistic(drawn) for drawn in resampled_counts(counts, resamples=resamples)]
    )


def difference_interval(only_this: int, only_other: int, num_images: int) -> Interval | None:
    """Return the 95 % interval of the difference of two accuracies on the same images, -1..1.

    `only_this` and `only_other` are the images that only one of the two has right. None where no image
    tells the two apart: drawing again shows no spread there, which is not the same as certainty.
    """
    if only_this + only_other == 0:
        return None
    counts = np.array([only_this, only_other, num_images - only_this - only_other])
    return interval_of(
        counts, lambda drawn: (drawn[0] - drawn[1]) / num_images, resamples=_PAIR_RESAMPLES
    )


def accuracy_difference(this: Flags, other: Flags) -> tuple[float, Interval]:
    """Return the difference of two accuracies, -1..1, on the same images (N,), and its 95 % interval."""
    only_this, only_other = int((this & ~other).sum()), int((other & ~this).sum())
    interval = difference_interval(only_this, only_other, len(this))
    return (only_this - only_other) / len(this), interval or (0.0, 0.0)


def share_better(losses: npt.NDArray[Any], others: npt.NDArray[Any]) -> float:
    """Return the share of bootstrap samples of the images in which `losses` has the lower mean.

    Paired, as both are of the same images (N,).
    """
    return float((_resampled_means(losses.astype(np.float64) - others) < 0).mean())


def _resampled_means(values: Doubles) -> Doubles:
    rng = np.random.default_rng(_SEED)
    means: Doubles = np.empty(_MEAN_RESAMPLES)
    for sample in range(_MEAN_RESAMPLES):  # one after the other: all at once would need gigabytes
        means[sample] = values[rng.integers(0, len(values), len(values))].mean()
    return means


def _percentiles(values: Iterable[float]) -> Interval:
    low, high = np.quantile(list(values), [0.025, 0.975])
    return float(low), float(high)
