"""What a time budget has left for other precisions."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from inference.manifest import Precision


def _no_limit() -> float:
    return math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTime:
    """How long each precision takes, and how much time there is.

    Attributes:
        seconds_left: until the budget is used up but for what follows the search.
        needed_s: about what each precision takes.
        refit_s: about what int8 takes beyond that where it loses accuracy at first.
    """

    seconds_left: Callable[[], float] = _no_limit
    needed_s: Mapping[Precision, float] = field(default_factory=dict)
    refit_s: float = 0.0

    def in_order(self, asked: Sequence[Precision]) -> list[Precision]:
        """Return the precisions beyond float32, the quickest to try first: more of them fit in."""
        return sorted((p for p in asked if p != "fp32"), key=lambda p: self.needed_s.get(p, 0.0))

    def why_not(self, precision: Precision) -> str | None:
        """Return why there is no time for one; None where there is."""
        needed_s, left_s = self.needed_s.get(precision, 0.0), self.seconds_left()
        if needed_s <= left_s:
            return None
        return f"time budget: it takes about {needed_s:.0f} s, {max(left_s, 0):.0f} s are left"

    def has_for_refit(self) -> bool:
        """Whether a head may be fitted again."""
        return self.refit_s <= self.seconds_left()


UNLIMITED = SearchTime()
