"""Which of a run's weights are kept."""

import numpy as np
import pytest

from training.assessment.validation_result import select_best, validation_result

pytestmark = pytest.mark.training

TARGETS = np.arange(200) % 4


def logits(*, right: float, seed: int, scale: float = 5.0) -> np.ndarray:
    """Return logits that are right for a share of the images, and unsure in another way each."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (200, 4)).astype(np.float32)
    answers = np.where(np.arange(200) < 200 * right, TARGETS, (TARGETS + 1) % 4)
    values[np.arange(200), answers] += scale
    return values


def test_the_loss_is_taken_at_the_best_temperature() -> None:
    """Logits ten times too sure are no worse than the same ones at their own scale."""
    mild = validation_result("mild", logits(right=0.8, seed=0), TARGETS)
    loud = validation_result("loud", 10 * logits(right=0.8, seed=0), TARGETS)
    assert loud.losses.mean() == pytest.approx(mild.losses.mean(), rel=1e-2)
    assert mild.correct.mean() == pytest.approx(0.8, abs=0.02)
    assert "80" in mild.describe()


def test_a_clearly_better_one_is_kept_wherever_it_stands() -> None:
    poor, good = (
        validation_result("poor", logits(right=0.6, seed=0), TARGETS),
        validation_result("good", logits(right=0.95, seed=0), TARGETS),
    )
    assert select_best([poor, good]) == 1
    assert select_best([good, poor]) == 0


def test_the_first_stays_where_the_difference_may_be_luck() -> None:
    """Of pairs that differ by noise alone, the later one is taken about as seldom as promised."""
    taken = [
        select_best(
            [
                validation_result("a", logits(right=0.8, seed=seed), TARGETS),
                validation_result("b", logits(right=0.8, seed=seed + 1000), TARGETS),
            ]
        )
        for seed in range(30)
    ]
    assert np.mean(taken) <= 0.4
