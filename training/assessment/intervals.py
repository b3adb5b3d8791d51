"""How far a measured share may be off, for the number of images it was measured on."""

import math
from typing import Final

# Of the standard normal distribution: 95 % of it lie within.
Z_95: Final = 1.959963984540054

Interval = tuple[float, float]


def wilson(successes: int, trials: int) -> Interval | None:
    """Return the 95 % score interval of a share, 0..1, or None without a trial.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference". Unlike the
    textbook interval it never leaves 0..1 and has a width even where all or none succeeded.
    """
    if trials == 0:
        return None
    share = successes / trials
    shrink = 1 + Z_95**2 / trials
    centre = (share + Z_95**2 / (2 * trials)) / shrink
    variance = share * (1 - share) / trials + Z_95**2 / (4 * trials**2)
    half = Z_95 * math.sqrt(variance) / shrink
    # At the ends it is exact; rounding must not push it past them.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return low, high


def newcombe(one: tuple[int, int], other: tuple[int, int]) -> Interval | None:
    """Return the 95 % interval of one share less another, -1..1, or None where either has no trial.

    Newcombe 1998, "Interval Estimation for the Difference between Independent Proportions", method 10.
    Each is (successes, trials); they are of different trials, as those of two test sets are.
    """
    first, second = wilson(*one), wilson(*other)
    if first is None or second is None:
        return None
    shares = one[0] / one[1], other[0] / other[1]
    difference = shares[0] - shares[1]
    low = difference - math.hypot(shares[0] - first[0], second[1] - shares[1])
    high = difference + math.hypot(first[1] - shares[0], shares[1] - second[0])
    return low, high
