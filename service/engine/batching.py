"""Micro-batching: callers hand in one item each, the function behind gets lists of them.

Knows no HTTP, no arrays and no threads: `run` is any coroutine function from a list of items to as
many results. Its rules:

* bounded: a full queue refuses at once;
* late-binding: a batch is cut only when the function is free, from all that waits then. Where the
  function runs several batches at once (`max_running`), what waits is shared among its free places;
* work-conserving: a lone item never waits. Items wait for company only while other items are
  expected (`expecting`), and never longer than `max_wait_s`;
* an item past its deadline, or whose caller has gone, never reaches the function;
* a failing batch is halved until the culprit stands alone, so its neighbours are answered;
* `close` refuses new items, finishes what waits within its grace, then fails the rest.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.errors import DeadlineExceeded, ModelMisbehaved, Overloaded, ShuttingDown

Item = TypeVar("Item")
Result = TypeVar("Result")
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """Bounds of a batcher.

    Attributes:
        max_batch: items in one call of the function.
        max_wait_s: longest wait for expected items, from the arrival of the oldest.
        max_queue: items that may wait.
        max_running: calls of the function at one time.
    """

    max_batch: int
    max_wait_s: float
    max_queue: int
    max_running: int = 1

    def __post_init__(self) -> None:
        if min(self.max_batch, self.max_queue, self.max_running) < 1 or self.max_wait_s < 0:
            raise ValueError(f"batch limits are out of range: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batched(Generic[Result]):
    """A result, with how long its item waited and ran, and in how large a batch."""

    value: Result
    queue_s: float
    run_s: float
    batch_size: int


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    deadline: float | None
    arrived: float
    future: "asyncio.Future[Batched[Result]]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class MicroBatcher(Generic[Item, Result]):
    """See the module. Belongs to one event loop; `start` it there."""

    def __init__(
        self,
        run: Callable[[list[Item]], Awaitable[Sequence[Result]]],
        *,
        limits: BatchLimits,
        clock: Clock = time.monotonic,
    ) -> None:
        self._run = run
        self._limits = limits
        self._clock = clock
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._running: set[_Waiting[Item, Result]] = set()
        self._batches: set[asyncio.Task[None]] = set()
        self._num_free = limits.max_running
        self._expected = 0
        self._started = self._closing = self._looks_soon = False
        self._end_of_wait: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to work. Twice is an error."""
        if self._started:
            raise RuntimeError("batcher was started already")
        self._started = True
        self._look_soon()

    @property
    def num_waiting(self) -> int:
        """Items in the queue, those in a running batch not counted."""
        return len(self._queue)

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Tell the batcher that an item is on its way, for as long as the context is open.

        Hand the item in right after leaving the context, without awaiting in between.
        """
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1
            self._look_soon()

    async def submit(self, item: Item, *, deadline: float | None = None) -> Batched[Result]:
        """Hand in an item and wait for its result.

        Args:
            item: goes to the function as it is.
            deadline: a time of the batcher's clock, after which the item is not worth running.

        Raises:
            Overloaded: the queue is full.
            DeadlineExceeded: the item's turn came after its deadline.
            ModelMisbehaved: the function returned another number of results.
            ShuttingDown: the batcher is closed.
            Exception: what the function raised for this item alone.
        """
        if self._closing:
            raise ShuttingDown
        if len(self._queue) >= self._limits.max_queue:
            self._forget_the_gone()
        if len(self._queue) >= self._limits.max_queue:
            raise Overloaded(f"{len(self._queue)} images wait already; send the request again")
        waiting: _Waiting[Item, Result] = _Waiting(
            item=item, deadline=deadline, arrived=self._clock()
        )
        self._queue.append(waiting)
        self._look_soon()
        return await waiting.future

    async def close(self, *, grace_s: float) -> None:
        """Refuse new items, finish the waiting ones within `grace_s`, then fail the rest."""
        self._closing = True
        if self._started:
            self._cut_batches()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while self._batches:
                    await asyncio.wait(self._batches)
        for batch in self._batches:
            batch.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)
        for waiting in (*self._running, *self._queue):
            _fail(waiting, ShuttingDown())
        self._queue.clear()

    def _look_soon(self) -> None:
        """Look at the queue when the items of one request are all in it."""
        if self._started and self._num_free and not self._looks_soon:
            self._looks_soon = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looks_soon = False
        self._cut_batches()

    def _cut_batches(self) -> None:
        """Give what waits to the free places, unless it is to wait for company."""
        if self._end_of_wait is not None:
            self._end_of_wait.cancel()
            self._end_of_wait = None
        while self._num_free and self._queue:
            left_s = self._queue[0].arrived + self._limits.max_wait_s - self._clock()
            if left_s > 0 and self._is_worth_waiting():
                loop = asyncio.get_running_loop()
                self._end_of_wait = loop.call_later(left_s, self._cut_batches)
                return
            if batch := self._cut():
                self._begin(batch)

    def _is_worth_waiting(self) -> bool:
        return (
            self._expected > 0 and len(self._queue) < self._limits.max_batch and not self._closing
        )

    def _begin(self, batch: list[_Waiting[Item, Result]]) -> None:
        self._num_free -= 1
        self._running.update(batch)
        task = asyncio.create_task(self._work(batch), name="batch")
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)

    async def _work(self, batch: list[_Waiting[Item, Result]]) -> None:
        answered = await self._run_split(batch)
        self._running.difference_update(batch)
        self._num_free += 1
        # First: what makes answers of the results would keep the free place waiting for its next batch.
        self._cut_batches()
        for waiting, result in answered:
            _answer(waiting, result)

    def _forget_the_gone(self) -> None:
        self._queue = deque(waiting for waiting in self._queue if self._is_live(waiting))

    def _cut(self) -> list[_Waiting[Item, Result]]:
        batch: list[_Waiting[Item, Result]] = []
        share = math.ceil(len(self._queue) / self._num_free)
        while self._queue and len(batch) < min(share, self._limits.max_batch):
            waiting = self._queue.popleft()
            if self._is_live(waiting):
                batch.append(waiting)
        return batch

    def _is_live(self, waiting: _Waiting[Item, Result]) -> bool:
        if waiting.deadline is not None and self._clock() >= waiting.deadline:
            _fail(waiting, DeadlineExceeded("the request's time was over before its turn came"))
        return not waiting.future.done()

    async def _run_split(
        self, batch: list[_Waiting[Item, Result]]
    ) -> list[tuple[_Waiting[Item, Result], Batched[Result]]]:
        """Run a batch and return what it answers; where it fails, answer its halves."""
        batch = [waiting for waiting in batch if self._is_live(waiting)]
        if not batch:
            return []
        started = self._clock()
        try:
            results = await self._run([waiting.item for waiting in batch])
        # The border of the batch worker: whatever the function raises belongs to its callers.
        except Exception as err:  # noqa: BLE001
            await self._isolate(batch, err)
            return []
        if len(results) != len(batch):
            _fail_all(batch, len(results))
            return []
        run_s, size = self._clock() - started, len(batch)
        return [
            (
                waiting,
                Batched(
                    value=value, queue_s=started - waiting.arrived, run_s=run_s, batch_size=size
                ),
            )
            for waiting, value in zip(batch, results, strict=True)
        ]

    async def _isolate(self, batch: list[_Waiting[Item, Result]], err: Exception) -> None:
        if len(batch) == 1:
            _fail(batch[0], err)
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            for waiting, result in await self._run_split(half):
                _answer(waiting, result)


def _answer(waiting: _Waiting[Item, Result], result: Batched[Result]) -> None:
    if not waiting.future.done():
        waiting.future.set_result(result)


def _fail(waiting: _Waiting[Item, Result], err: Exception) -> None:
    if not waiting.future.done():
        waiting.future.set_exception(err)


def _fail_all(batch: list[_Waiting[Item, Result]], num_results: int) -> None:
    err = ModelMisbehaved(f"the model gave {num_results} answers for {len(batch)} images")
    for waiting in batch:
        _fail(waiting, err)
