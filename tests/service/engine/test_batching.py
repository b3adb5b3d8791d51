"""Every rule of the micro-batcher, one test each. Time is a number that the tests set."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from service.engine.batching import BatchLimits
from service.errors import DeadlineExceeded, ModelMisbehaved, Overloaded, ShuttingDown
from tests.service.batchers import FOREVER_S, Clock, Function, batcher, begin, run


def test_a_lone_item_never_waits() -> None:
    async def scenario() -> None:
        function = Function()
        made = batcher(function, max_wait_s=FOREVER_S)
        assert (await made.submit(21)).value == 42

    run(scenario)


def test_every_caller_gets_its_own_result() -> None:
    async def scenario() -> None:
        made = batcher(Function(), max_batch=3)
        results = await asyncio.gather(*(made.submit(n) for n in range(50)))
        assert [result.value for result in results] == [n * 2 for n in range(50)]

    run(scenario)


def test_items_that_come_while_the_function_is_busy_share_the_next_batch() -> None:
    async def scenario() -> None:
        function = Function(held=True)
        made = batcher(function)
        first = await begin(made.submit(0))
        await function.entered.wait()
        rest = await begin(*(made.submit(n) for n in (1, 2, 3)))
        function.release()
        results = await asyncio.gather(*first, *rest)
        assert function.batches == [[0], [1, 2, 3]]
        assert [result.batch_size for result in results] == [1, 3, 3, 3]

    run(scenario)


def test_a_free_place_has_its_next_batch_before_the_answers_of_the_last_are_made() -> None:
    async def scenario() -> None:
        function = Function()
        made = batcher(function, max_batch=1)
        begun: list[list[list[int]]] = []

        async def ask(item: int) -> None:
            await made.submit(item)
            begun.append(list(function.batches))

        await asyncio.gather(ask(0), ask(1))
        assert begun[0] == [[0], [1]]

    run(scenario)


def test_a_batch_never_exceeds_its_maximum() -> None:
    async def scenario() -> None:
        function = Function(held=True)
        made = batcher(function, max_batch=4)
        first = await begin(made.submit(0))
        await function.entered.wait()
        rest = await begin(*(made.submit(n) for n in range(1, 11)))
        function.release()
        await asyncio.gather(*first, *rest)
        assert [len(batch) for batch in function.batches] == [1, 4, 4, 2]

    run(scenario)


def test_an_item_waits_for_an_expected_one() -> None:
    async def scenario() -> None:
        function = Function()
        made = batcher(function)
        with made.expecting():
            (first,) = await begin(made.submit(1))
            await asyncio.sleep(0)
            assert function.batches == []
        second = await made.submit(2)
        assert function.batches == [[1, 2]]
        assert (await first).batch_size == second.batch_size == 2

    run(scenario)


def test_a_full_batch_waits_for_nobody() -> None:
    async def scenario() -> None:
        function = Function()
        made = batcher(function, max_batch=2)
        with made.expecting():
            await asyncio.gather(made.submit(1), made.submit(2))
        assert function.batches == [[1, 2]]

    run(scenario)


def test_an_expected_item_that_is_given_up_ends_the_wait() -> None:
    async def scenario() -> None:
        function = Function()
        made = batcher(function)
        with made.expecting():
            (first,) = await begin(made.submit(1))
        assert (await first).value == 2

    run(scenario)


def test_the_wait_for_an_expected_item_is_bounded() -> None:
    async def scenario() -> None:
        made = batcher(Function(), max_wait_s=0.001, clock=time.monotonic)
        with made.expecting():
            assert (await made.submit(1)).value == 2

    run(scenario)


def test_an_item_that_waited_behind_a_batch_does_not_wait_again() -> None:
    async def scenario() -> None:
        clock, function = Clock(), Function(held=True)
        made = batcher(function, max_wait_s=1.0, clock=clock)
        first = await begin(made.submit(1))
        await function.entered.wait()
        second = await begin(made.submit(2))
        clock.now = 2.0
        with made.expecting():
            function.release()
            await asyncio.gather(*first, *second)
        assert function.batches == [[1], [2]]

    run(scenario)


def test_a_full_queue_refuses_at_once() -> None:
    async def scenario() -> None:
        function = Function(held=True)
        made = batcher(function, max_queue=2)
        running = await begin(made.submit(0))
        await function.entered.wait()
        waiting = await begin(made.submit(1), made.submit(2))
        with pytest.raises(Overloaded, match="2 images"):
            await made.submit(3)
        function.release()
        await asyncio.gather(*running, *waiting)

    run(scenario)


def test_a_caller_that_has_gone_takes_no_place_in_the_queue() -> None:
    async def scenario() -> None:
        function = Function(held=True)
        made = batcher(function, max_queue=1)
        running = await begin(made.submit(0))
        await function.entered.wait()
        (gone,) = await begin(made.submit(1))
        gone.cancel()
        await asyncio.sleep(0)
        stays = await begin(made.submit(2))
        function.release()
        assert [result.value for result in await asyncio.gather(*running, *stays)] == [0, 4]

    run(scenario)


def test_free_places_share_what_waits() -> None:
    async def scenario() -> None:
        function = Function(held=True)
        made = batcher(function, max_running=2)
        with made.expecting():
            waiting = await begin(*(made.submit(n) for n in range(5)))
        await function.entered.wait()
        assert function.batches == [[0, 1, 2], [3, 4]]
        function.release()
        await asyncio.gather(*waiting)

    run(scenario)


def test_an_item_past_its_deadline_never_reaches_the_function() -> None:
    async def scenario() -> None:
        clock, function = Clock(), Function(held=True)
        made = batcher(function, clock=clock)
        running = await begin(made.submit(0))
        await function.entered.wait()
        late, in_time = await begin(made.submit(1, deadline=1.0), made.submit(2, deadline=9.0))
        clock.now = 1.0
        function.release()
        with pytest.raises(DeadlineExceeded):
            await late
        assert (await in_time).value == 4
        assert function.batches == [[0], [2]]
        await asyncio.gather(*running)

    run(scenario)


def test_an_item_whose_caller_has_gone_never_reaches_the_function() -> None:
    async def scenario() -> None:
        function = Function(held=True)
        made = batcher(function)
        running = await begin(made.submit(0))
        await function.entered.wait()
        gone, stays = await begin(made.submit(1), made.submit(2))
        gone.cancel()
        function.release()
        assert (await stays).value == 4
        assert function.batches == [[0], [2]]
        await asyncio.gather(*running)

    run(scenario)


def test_a_caller_that_leaves_a_running_batch_does_not_break_it() -> None:
    async def scenario() -> None:
        function = Function(held=True)
        made = batcher(function, max_batch=2)
        with made.expecting():
            gone, stays = await begin(made.submit(1), made.submit(2))
            await function.entered.wait()
        gone.cancel()
        function.release()
        assert (await stays).value == 4

    run(scenario)


def test_only_the_culprit_of_a_failing_batch_fails() -> None:
    async def refuse_five(items: list[int]) -> Sequence[int]:
        if 5 in items:
            raise ArithmeticError("five")
        return items

    async def scenario() -> None:
        made = batcher(refuse_five)
        results = await asyncio.gather(*(made.submit(n) for n in range(8)), return_exceptions=True)
        failed = [n for n, result in enumerate(results) if isinstance(result, BaseException)]
        assert failed == [5]
        assert isinstance(results[5], ArithmeticError)

    run(scenario)


def test_the_next_batch_runs_after_a_failed_one() -> None:
    calls = 0

    async def fail_once(items: list[int]) -> Sequence[int]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ArithmeticError
        return items

    async def scenario() -> None:
        made = batcher(fail_once)
        with pytest.raises(ArithmeticError):
            await made.submit(1)
        assert (await made.submit(2)).value == 2

    run(scenario)


def test_a_wrong_number_of_results_fails_the_batch_and_not_the_batcher() -> None:
    async def lose_one(items: list[int]) -> Sequence[int]:
        return items[1:] if len(items) > 1 else items

    async def scenario() -> None:
        made = batcher(lose_one, max_batch=2)
        results = await asyncio.gather(made.submit(1), made.submit(2), return_exceptions=True)
        assert [type(result) for result in results] == [ModelMisbehaved, ModelMisbehaved]
        assert (await made.submit(3)).value == 3

    run(scenario)


def test_close_finishes_what_waits_and_refuses_what_is_new() -> None:
    async def scenario() -> None:
        function = Function(held=True)
        made = batcher(function)
        running = await begin(made.submit(0))
        await function.entered.wait()
        waiting = await begin(made.submit(1))
        closing = asyncio.ensure_future(made.close(grace_s=FOREVER_S))
        await asyncio.sleep(0)
        with pytest.raises(ShuttingDown):
            await made.submit(2)
        function.release()
        await closing
        results = await asyncio.gather(*running, *waiting)
        assert [result.value for result in results] == [0, 2]

    run(scenario)


def test_close_fails_what_its_grace_was_too_short_for() -> None:
    async def scenario() -> None:
        function = Function(held=True)
        made = batcher(function)
        (running,) = await begin(made.submit(0))
        await function.entered.wait()
        (waiting,) = await begin(made.submit(1))
        await made.close(grace_s=0.001)
        for task in (running, waiting):
            with pytest.raises(ShuttingDown):
                await task

    run(scenario)


def test_close_does_not_wait_for_expected_items() -> None:
    async def scenario() -> None:
        made = batcher(Function())
        with made.expecting():
            (waiting,) = await begin(made.submit(1))
            await made.close(grace_s=FOREVER_S)
        assert (await waiting).value == 2

    run(scenario)


def test_two_starts_are_an_error() -> None:
    async def scenario() -> None:
        made = batcher(Function())
        with pytest.raises(RuntimeError, match="started already"):
            made.start()

    run(scenario)


def test_queue_and_run_times_are_reported() -> None:
    async def scenario() -> None:
        clock = Clock()

        async def take_two_seconds(items: list[int]) -> Sequence[int]:
            clock.now += 2.0
            return items

        made = batcher(take_two_seconds, max_batch=1, clock=clock)
        first, second = await asyncio.gather(made.submit(1), made.submit(2))
        assert (first.queue_s, first.run_s) == (0.0, 2.0)
        assert (second.queue_s, second.run_s) == (2.0, 2.0)

    run(scenario)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_batch": 0, "max_wait_s": 0, "max_queue": 1},
        {"max_batch": 1, "max_wait_s": -1, "max_queue": 1},
        {"max_batch": 1, "max_wait_s": 0, "max_queue": 0},
        {"max_batch": 1, "max_wait_s": 0, "max_queue": 1, "max_running": 0},
    ],
    ids=["no batch", "negative wait", "no queue", "no place to run"],
)
def test_limits_out_of_range_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        BatchLimits(**limits)
