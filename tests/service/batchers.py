"""Batchers for tests: a function that is held until the test releases it, and a clock that it sets."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from service.engine.batching import Batched, BatchLimits, MicroBatcher

FOREVER_S = 3600.0


class Function:
    """Doubles numbers, one batch at a time, each when the test releases it."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.entered = asyncio.Event()
        self._open = asyncio.Event()
        if not held:
            self.release()

    def release(self) -> None:
        self._open.set()

    async def __call__(self, items: list[int]) -> Sequence[int]:
        self.batches.append(items)
        self.entered.set()
        await self._open.wait()
        return [item * 2 for item in items]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def batcher(
    run: Callable[[list[int]], Awaitable[Sequence[int]]],
    *,
    max_batch: int = 8,
    max_wait_s: float = FOREVER_S,
    max_queue: int = 100,
    max_running: int = 1,
    clock: Callable[[], float] | None = None,
) -> MicroBatcher[int, int]:
    limits = BatchLimits(
        max_batch=max_batch, max_wait_s=max_wait_s, max_queue=max_queue, max_running=max_running
    )
    made: MicroBatcher[int, int] = MicroBatcher(run, limits=limits, clock=clock or Clock())
    made.start()
    return made


async def begin(*work: Awaitable[Batched[int]]) -> list["asyncio.Task[Batched[int]]"]:
    """Start calls and let each reach the queue."""
    tasks = [asyncio.ensure_future(call) for call in work]
    await asyncio.sleep(0)
    return tasks


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(bounded())
