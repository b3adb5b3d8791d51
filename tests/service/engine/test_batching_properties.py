"""What holds for every sequence of events: hypothesis makes them up, time is a number.

The function is held: each of its calls ends when the sequence says so.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.batching import Batched, BatchLimits, MicroBatcher
from service.errors import DeadlineExceeded, ModelMisbehaved, Overloaded, ShuttingDown

FOREVER_S: Final = 3600.0
# Loop turns after which nothing moves any more by itself.
TURNS: Final = 12


@dataclass(frozen=True)
class Submit:
    poisoned: bool = False
    patience_s: int | None = None


@dataclass(frozen=True)
class Leave:
    caller: int


@dataclass(frozen=True)
class EndBatch:
    loses_one: bool = False


@dataclass(frozen=True)
class Pass:
    seconds: int


Event = Submit | Leave | EndBatch | Pass

EVENTS: Final = st.lists(
    st.one_of(
        st.builds(Submit, st.booleans(), st.integers(1, 3)),
        st.builds(Submit),
        st.builds(Leave, st.integers(0, 20)),
        st.builds(EndBatch, st.just(False)),
        st.builds(EndBatch, st.booleans()),
        st.builds(Pass, st.integers(1, 4)),
    ),
    min_size=10,
    max_size=40,
)
LIMITS: Final = st.builds(
    BatchLimits,
    max_batch=st.integers(1, 4),
    max_wait_s=st.just(FOREVER_S),
    max_queue=st.integers(1, 8),
    max_running=st.integers(1, 3),
)


class Poison(Exception):
    """What the function raises when one of its items is poisoned."""


@dataclass(eq=False)
class Item:
    number: int
    poisoned: bool
    deadline: float | None


@dataclass(eq=False)
class Call:
    """A call of the function that has not ended."""

    items: list[Item]
    end: "asyncio.Future[bool]"


@dataclass
class World:
    """A batcher, its callers, and everything that happened."""

    limits: BatchLimits
    now: float = 0.0
    calls: list[Call] = field(default_factory=list)
    seen: list[list[Item]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    callers: "list[asyncio.Task[Batched[int]]]" = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    wrongs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.batcher: MicroBatcher[Item, int] = MicroBatcher(
            self.function, limits=self.limits, clock=lambda: self.now
        )

    async def function(self, items: list[Item]) -> Sequence[int]:
        self.check_call(items)
        self.seen.append(items)
        call = Call(items, asyncio.get_running_loop().create_future())
        self.calls.append(call)
        try:
            loses_one = await call.end
        finally:
            self.calls.remove(call)
        if any(item.poisoned for item in items):
            raise Poison
        if loses_one:
            self.lost.update(item.number for item in items)
        return [item.number * 2 for item in items][loses_one:]

    def check_call(self, items: list[Item]) -> None:
        """Note what is wrong: raised here, it would look like the function's own failure."""
        if not 1 <= len(items) <= self.limits.max_batch:
            self.wrongs.append(f"a batch of {len(items)}")
        if len(self.calls) >= self.limits.max_running:
            self.wrongs.append(f"{len(self.calls) + 1} calls at once")
        for item in items:
            if item.number in self.left:
                self.wrongs.append("ran for a caller who had gone")
            if item.deadline is not None and self.now >= item.deadline:
                self.wrongs.append("ran past its deadline")

    async def play(self, event: Event) -> None:
        match event:
            case Submit():
                deadline = None if event.patience_s is None else self.now + event.patience_s
                item = Item(len(self.items), event.poisoned, deadline)
                self.items.append(item)
                call = self.batcher.submit(item, deadline=deadline)
                self.callers.append(asyncio.ensure_future(call))
            case Leave(caller) if caller < len(self.callers) and not self.callers[caller].done():
                self.callers[caller].cancel()
                self.left.add(caller)
            case EndBatch() if self.calls:
                self.calls[0].end.set_result(event.loses_one)
            case Pass():
                self.now += event.seconds
        await self.settle()

    async def settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        is_full = len(self.calls) == self.limits.max_running
        assert is_full or self.batcher.num_waiting == 0, "an image waits beside a free place"
        assert self.batcher.num_waiting <= self.limits.max_queue

    async def finish(self) -> None:
        while self.calls:
            await self.play(EndBatch())
        await asyncio.gather(*self.callers, return_exceptions=True)

    def check_answers(self) -> None:
        assert self.wrongs == []
        for item, caller in zip(self.items, self.callers, strict=True):
            if caller.cancelled():
                assert item.number in self.left
                continue
            match caller.exception():
                case None:
                    assert caller.result().value == item.number * 2
                    assert not item.poisoned
                case Poison():
                    assert item.poisoned
                case DeadlineExceeded():
                    assert item.deadline is not None
                    assert self.now >= item.deadline
                case ModelMisbehaved():
                    assert item.number in self.lost
                case error:
                    assert isinstance(error, Overloaded), error
                    assert not any(item in batch for batch in self.seen)

    def check_order(self) -> None:
        first_seen = [item.number for batch in self.seen for item in batch]
        firsts = list(dict.fromkeys(first_seen))
        assert firsts == sorted(firsts)


def play(limits: BatchLimits, events: list[Event]) -> None:
    async def scenario() -> None:
        world = World(limits)
        world.batcher.start()
        for event in events:
            await world.play(event)
        await world.finish()
        world.check_answers()
        world.check_order()
        await world.batcher.close(grace_s=FOREVER_S)

    asyncio.run(scenario())


@settings(deadline=None, max_examples=300)
@given(limits=LIMITS, events=EVENTS)
def test_every_accepted_item_is_answered_once_in_order_to_its_own_caller(
    limits: BatchLimits, events: list[Event]
) -> None:
    play(limits, events)


@settings(deadline=None, max_examples=100)
@given(limits=LIMITS, events=EVENTS, finishes=st.booleans())
def test_close_leaves_no_caller_without_an_answer(
    limits: BatchLimits, events: list[Event], finishes: bool
) -> None:
    async def scenario() -> None:
        world = World(limits)
        world.batcher.start()
        for event in events:
            await world.play(event)
        closing = asyncio.ensure_future(world.batcher.close(grace_s=FOREVER_S if finishes else 0))
        if finishes:
            await world.finish()
        await closing
        results = await asyncio.gather(*world.callers, return_exceptions=True)
        if finishes:
            world.check_answers()
        assert finishes or all(
            isinstance(
                result,
                Batched
                | Poison
                | DeadlineExceeded
                | ModelMisbehaved
                | Overloaded
                | ShuttingDown
                | asyncio.CancelledError,
            )
            for result in results
        )

    asyncio.run(scenario())
