"""How many images a second one caller may send: a token bucket a caller, in a table of bounded size."""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from service.errors import RateLimited
from service.limits.throughput import Clock

# Callers whose buckets are kept; the one unseen for longest makes room.
_MAX_CALLERS: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class RateLimit:
    """`per_s` images a second for each caller, `burst` at once. 0 a second is no limit.

    How many images a request holds is known only when it has been read, so a bucket may go below
    zero; the caller then waits until it has filled again.
    """

    def __init__(
        self,
        *,
        per_s: float,
        burst: int,
        max_callers: int = _MAX_CALLERS,
        clock: Clock = time.monotonic,
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._max_callers = max_callers
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take_first(self, caller: str) -> None:
        """Take one image's token, for a request that begins.

        Raises:
            RateLimited: the caller has none left.
        """
        if self._per_s <= 0:
            return
        bucket = self._bucket(caller)
        if bucket.tokens < 1:
            wait_s = math.ceil((1 - bucket.tokens) / self._per_s)
            raise RateLimited(
                f"you may send {self._per_s:g} images a second; wait {wait_s} s",
                retry_after_s=max(1, wait_s),
            )
        bucket.tokens -= 1

    def take_rest(self, caller: str, images: int) -> None:
        """Take the tokens of a request's further images, on credit where there are none."""
        if self._per_s > 0:
            self._bucket(caller).tokens -= images

    def _bucket(self, caller: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(tokens=self._burst, filled_at=now)
            if len(self._buckets) > self._max_callers:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(caller)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._per_s)
        bucket.filled_at = now
        return bucket
