"""The learning rate's course, and a run whose length changes."""

import pytest

from training.finetuning.lr_schedule import WARMUP_SHARE, RunProgress, rate_factor

pytestmark = pytest.mark.training


def factors(num_steps: int) -> list[float]:
    """Return the rate at each step of a run."""
    progress, found = RunProgress(num_steps), []
    while not progress.done:
        found.append(rate_factor(progress.progress, num_steps))
        progress.advance()
    return found


@pytest.mark.parametrize("num_steps", [200, 1000])
def test_the_rate_rises_for_a_tenth_and_then_only_falls(num_steps: int) -> None:
    found = factors(num_steps)
    peak = max(range(num_steps), key=lambda step: found[step])
    assert found[peak] == pytest.approx(1, abs=1e-3)
    assert abs(peak - num_steps * WARMUP_SHARE) <= 1
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    assert found[0] > 0


def test_a_short_run_warms_up_for_longer() -> None:
    """Twenty steps, but never more than three tenths of the run."""
    assert 5 <= max(range(20), key=lambda step: factors(20)[step]) <= 7
    assert 18 <= max(range(100), key=lambda step: factors(100)[step]) <= 21


@pytest.mark.parametrize("num_steps", [1, 2, 3, 1000])
def test_every_step_has_a_rate_and_a_long_run_ends_near_zero(num_steps: int) -> None:
    found = factors(num_steps)
    assert all(0 < factor <= 1 for factor in found)
    if num_steps > 100:
        assert found[-1] < 1e-4


def test_a_shortened_run_still_comes_to_its_end() -> None:
    progress = RunProgress(100)
    for _ in range(50):
        progress.advance()
    assert progress.progress == pytest.approx(0.5)
    progress.replan(60)
    left = 0
    while not progress.done:
        progress.advance()
        left += 1
    assert left == 10
    assert progress.progress == pytest.approx(1)


def test_what_was_done_cannot_be_planned_away() -> None:
    progress = RunProgress(10, step=4, progress=0.4)
    progress.replan(2)
    assert progress.done
    assert progress.step == 4
