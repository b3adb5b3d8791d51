"""The learning rate's course."""

import pytest
from training.schedule import WARMUP_SHARE, rate_factor

pytestmark = pytest.mark.training


@pytest.mark.parametrize("num_steps", [10, 57, 1000])
def test_the_rate_rises_for_a_tenth_and_then_only_falls(num_steps: int) -> None:
    factors = [rate_factor(step, num_steps) for step in range(num_steps)]
    warmup = round(num_steps * WARMUP_SHARE)
    assert max(factors) == 1.0 == factors[warmup - 1]
    assert factors[:warmup] == sorted(factors[:warmup])
    assert factors[warmup:] == sorted(factors[warmup:], reverse=True)
    assert factors[0] > 0


def test_the_rate_ends_near_zero() -> None:
    assert 0 <= rate_factor(999, 1000) < 1e-4
    assert rate_factor(1000, 1000) == pytest.approx(0)


@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_a_run_of_a_few_steps_has_a_rate_at_each(num_steps: int) -> None:
    factors = [rate_factor(step, num_steps) for step in range(num_steps)]
    assert all(0 < factor <= 1 for factor in factors)


def test_a_shortened_run_may_be_past_its_end() -> None:
    """The budget may cut a run after the step is counted."""
    assert rate_factor(30, 20) == pytest.approx(0)
