"""Trials of new packages, and loads that want none beside them."""

import asyncio
import threading
from typing import cast

from inference import Package, TrialFailed
from inference.precision import AskedPrecision
from service.repository.trial_queue import TrialQueue

PACKAGE = cast(Package, object())


class Held:
    """A trial that goes on until it is let go, counting how many have begun."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Semaphore(0)

    def try_out(self, package: Package, precision: AskedPrecision) -> None:
        self.begun.release()
        assert self.let_go.acquire(timeout=60)


def test_no_trial_begins_beside_a_load_and_a_load_waits_for_those_that_run() -> None:
    held = Held()
    happened: list[str] = []

    async def load(queue: TrialQueue) -> None:
        async with queue.paused():
            happened.append("load")
            assert not held.begun.acquire(blocking=False)

    async def run() -> None:
        queue = TrialQueue(held.try_out, end=lambda: None)
        first = asyncio.create_task(queue.run(PACKAGE, "auto"))
        await asyncio.to_thread(held.begun.acquire)
        loads = asyncio.create_task(load(queue))
        await asyncio.sleep(0)  # it is waiting now
        second = asyncio.create_task(queue.run(PACKAGE, "auto"))
        await asyncio.sleep(0)
        assert happened == []
        held.let_go.release()
        await asyncio.gather(first, loads)
        assert happened == ["load"]
        assert await asyncio.to_thread(held.begun.acquire, timeout=60)
        held.let_go.release()
        await second
        queue.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_load_that_is_given_up_lets_trials_begin() -> None:
    held = Held()

    async def run() -> None:
        queue = TrialQueue(held.try_out, end=lambda: None)
        entered = asyncio.Event()

        async def load() -> None:
            async with queue.paused():
                entered.set()
                await asyncio.Event().wait()

        loads = asyncio.create_task(load())
        await entered.wait()
        loads.cancel()
        await asyncio.gather(loads, return_exceptions=True)
        held.let_go.release()
        await queue.run(PACKAGE, "auto")
        assert held.begun.acquire(blocking=False)
        queue.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_trial_that_fails_when_its_asker_was_given_up_is_not_reported() -> None:
    reported: list[object] = []
    threads_before = set(threading.enumerate())
    begun, let_go = threading.Event(), threading.Event()

    def fail(package: Package, precision: AskedPrecision) -> None:
        begun.set()
        assert let_go.wait(timeout=60)
        raise TrialFailed("the service is being ended")

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context))
        queue = TrialQueue(fail, end=let_go.set)
        asker = asyncio.create_task(queue.run(PACKAGE, "auto"))
        await asyncio.to_thread(begun.wait, 60)
        asker.cancel()
        await asyncio.wait([asker])
        queue.close()
        for thread in set(threading.enumerate()) - threads_before:
            if thread.name.startswith("trial"):
                await asyncio.to_thread(thread.join, 60)

    asyncio.run(asyncio.wait_for(run(), 60))
    assert reported == []
