"""Sizes, validation passes and the clock of a run."""

import math

import pytest

from training.finetuning.lr_schedule import RunProgress
from training.finetuning.step_plan import StepPlan, StepTimer
from training.runtime.time_budget import TimeBudget

pytestmark = pytest.mark.training

SMALL, FULL = (32, 32), (64, 64)


def step_plan(
    num_steps: int = 100,
    *,
    records: int = 5,
    left_s: float | None = None,
    closing_s: float = 0.0,
    final_factor: float = 1.0,
) -> StepPlan:
    """Return a plan with some time left."""
    return StepPlan(
        num_steps=num_steps,
        most_steps=2 * num_steps,
        num_validations=records,
        early_hw=SMALL,
        final_hw=FULL,
        budget=TimeBudget.starting_now(math.inf if left_s is None else left_s),
        closing_s=closing_s,
        final_factor=final_factor,
    )


def timed(step_s: dict[tuple[int, int], float], *, validation_s: float = 0.0) -> StepTimer:
    """Return a clock that saw one step of each size."""
    clock = StepTimer(validation_s=validation_s)
    for size, seconds in step_s.items():
        clock.add_step(size, seconds)
    return clock


@pytest.mark.parametrize("num_steps", [1, 2, 7, 100])
def test_the_last_fifth_has_the_served_size(num_steps: int) -> None:
    sizes = [step_plan().size_at(step, num_steps) for step in range(num_steps)]
    final = max(1, round(num_steps / 5))
    assert sizes == [SMALL] * (num_steps - final) + [FULL] * final


@pytest.mark.parametrize(("num_steps", "records"), [(100, 5), (7, 3), (3, 3), (1, 1), (13, 10)])
def test_validation_passes_are_spread_and_the_last_is_at_the_end(
    num_steps: int, records: int
) -> None:
    plan = step_plan(num_steps, records=records)
    at = [step for step in range(1, num_steps + 1) if plan.is_validation_due(step, num_steps)]
    assert len(at) == records
    assert at[-1] == num_steps


def test_without_a_deadline_the_length_stays() -> None:
    clock = timed({SMALL: 100.0})
    assert clock.steps_in_time(RunProgress(100), step_plan()) == 100


def test_slow_steps_shorten_the_run() -> None:
    """Half of the steps done, each took a second; 30 s are left: 24 small ones' worth of them."""
    clock = timed({SMALL: 1.0, FULL: 1.0})
    progress = RunProgress(100, step=50, progress=0.5)
    assert clock.steps_in_time(progress, step_plan(left_s=30.2)) == 80


def test_the_larger_images_of_the_end_are_allowed_for_before_they_are_seen() -> None:
    """They were measured to take four times as long: 80 + 4 * 20 = 160 s for 100 steps."""
    clock = timed({SMALL: 1.0})
    assert clock.steps_in_time(RunProgress(100), step_plan(left_s=160.5, final_factor=4.0)) == 100
    assert clock.steps_in_time(RunProgress(100), step_plan(left_s=80.5, final_factor=4.0)) == 50


def test_validation_passes_are_allowed_for() -> None:
    clock = timed({SMALL: 1.0, FULL: 1.0}, validation_s=10.0)
    assert clock.steps_in_time(RunProgress(100), step_plan(records=5, left_s=100.5)) == 50


def test_a_small_miss_changes_nothing() -> None:
    clock = timed({SMALL: 1.0, FULL: 1.0})
    assert clock.steps_in_time(RunProgress(100), step_plan(left_s=99)) == 100


def test_a_fast_run_grows_to_what_the_data_is_worth() -> None:
    clock = timed({SMALL: 1.0, FULL: 1.0})
    assert clock.steps_in_time(RunProgress(100), step_plan(left_s=150.5)) == 150
    assert (
        clock.steps_in_time(RunProgress(60, step=20, progress=0.33), step_plan(left_s=1000)) == 200
    )


@pytest.mark.parametrize("step", range(80, 100))
def test_a_fast_run_that_sees_the_served_size_grows_without_going_back(step: int) -> None:
    clock = timed({SMALL: 1.0, FULL: 1.0})
    progress = RunProgress(100, step=step, progress=step / 100)
    plan = step_plan(left_s=1000)
    longer = clock.steps_in_time(progress, plan)
    assert longer >= 100
    assert plan.size_at(step, longer) == FULL
    assert plan.size_at(step, longer + 2) == SMALL


def test_a_moment_of_a_busy_machine_does_not_cut_a_run_short() -> None:
    """Five steps of ten seconds among sixty of one make 1.7 s a step on the average."""
    clock = StepTimer()
    for seconds in [1.0] * 60 + [10.0] * 5:
        clock.add_step(SMALL, seconds)
    assert clock.step_s(SMALL) == pytest.approx((59 + 50) / 64)
    assert clock.best_s(SMALL) == 1.0


def test_a_machine_that_stays_slow_is_noticed() -> None:
    clock = StepTimer()
    for seconds in [1.0] * 200 + [3.0] * 64:
        clock.add_step(SMALL, seconds)
    assert clock.step_s(SMALL) == 3.0


def test_time_is_left_for_what_follows_the_last_step() -> None:
    clock = timed({SMALL: 1.0, FULL: 1.0})
    assert clock.steps_in_time(RunProgress(100), step_plan(left_s=100.5, closing_s=40.0)) == 60


@pytest.mark.parametrize(("now_s", "steps"), [(1.0, 60), (2.0, 10), (0.5, 160)])
def test_what_follows_takes_longer_on_a_machine_that_has_become_slower(
    now_s: float, steps: int
) -> None:
    """40 s were kept, 100 s are left: at half the speed 80 s are to be kept, at twice the speed 20 s."""
    clock = StepTimer()
    for seconds in [1.0] * 10 + [now_s] * 64:
        clock.add_step(SMALL, seconds)
    clock.add_step(FULL, now_s)
    assert clock.slowdown(SMALL) == now_s
    assert clock.steps_in_time(RunProgress(100), step_plan(left_s=100.5, closing_s=40.0)) == steps


def test_one_slow_step_among_the_first_is_no_measure_of_speed() -> None:
    clock = StepTimer()
    for seconds in [30.0] + [1.0] * 73:
        clock.add_step(SMALL, seconds)
    assert clock.slowdown(SMALL) == 1.0
