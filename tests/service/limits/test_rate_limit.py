"""Token buckets, with a clock that is told the time."""

import pytest

from service.errors import RateLimited
from service.limits.rate_limit import RateLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    clock = Clock()
    limit = RateLimit(per_s=2, burst=3, clock=clock)
    for _ in range(3):
        limit.take_first("a")
    with pytest.raises(RateLimited, match="2 images a second") as caught:
        limit.take_first("a")
    assert caught.value.retry_after_s == 1
    clock.now += 0.5
    limit.take_first("a")
    with pytest.raises(RateLimited):
        limit.take_first("a")


def test_callers_do_not_share() -> None:
    limit = RateLimit(per_s=1, burst=1, clock=Clock())
    limit.take_first("a")
    limit.take_first("b")


def test_a_large_request_is_paid_for_by_waiting() -> None:
    clock = Clock()
    limit = RateLimit(per_s=1, burst=1, clock=clock)
    limit.take_first("a")
    limit.take_rest("a", 9)
    clock.now += 9
    with pytest.raises(RateLimited) as caught:
        limit.take_first("a")
    assert caught.value.retry_after_s == 1
    clock.now += 1
    limit.take_first("a")


def test_a_bucket_never_holds_more_than_the_burst() -> None:
    clock = Clock()
    limit = RateLimit(per_s=1, burst=2, clock=clock)
    limit.take_first("a")
    clock.now += 1000
    limit.take_first("a")
    limit.take_first("a")
    with pytest.raises(RateLimited):
        limit.take_first("a")


def test_the_table_forgets_who_was_not_seen_for_longest() -> None:
    limit = RateLimit(per_s=1, burst=1, max_callers=2, clock=Clock())
    for caller in ("a", "b"):
        limit.take_first(caller)
    with pytest.raises(RateLimited):
        limit.take_first("a")
    limit.take_first("c")
    assert len(limit) == 2
    with pytest.raises(RateLimited):
        limit.take_first("a")
    limit.take_first("b")


def test_without_a_rate_nothing_is_kept() -> None:
    limit = RateLimit(per_s=0, burst=1, clock=Clock())
    for _ in range(100):
        limit.take_first("a")
        limit.take_rest("a", 5)
    assert len(limit) == 0
