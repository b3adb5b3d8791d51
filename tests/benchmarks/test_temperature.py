"""The rounds of the benchmark of the temperature's prior."""

import numpy as np
import pytest

from benchmarks.rejection import DataSet
from benchmarks.temperature import SPREADS, draw, rounds

pytestmark = pytest.mark.training

PER_CLASS = 5


@pytest.fixture
def apart() -> DataSet:
    """Return five classes of twenty images that a linear head tells apart without a mistake."""
    rng = np.random.default_rng(0)
    targets = np.repeat(np.arange(5), 20)
    embeddings = 5 * np.eye(5, 8)[targets] + rng.normal(0, 0.5, (100, 8))
    return DataSet(
        embeddings=embeddings.astype(np.float32), targets=targets, given_test=np.zeros(100, bool)
    )


def test_what_judges_was_not_learnt_from(apart: DataSet) -> None:
    drawn = draw(apart.targets, PER_CLASS, seed=0)
    assert set(drawn.few).isdisjoint(drawn.others)
    num_classes = len(set(drawn.few_targets))
    assert 2 <= num_classes <= 5
    assert np.bincount(drawn.few_targets).tolist() == [PER_CLASS] * num_classes
    assert np.bincount(drawn.other_targets).tolist() == [15] * num_classes


def test_classes_are_numbered_alike_in_both(apart: DataSet) -> None:
    drawn = draw(apart.targets, PER_CLASS, seed=1)
    pairs = {
        *zip(drawn.few_targets.tolist(), apart.targets[drawn.few].tolist(), strict=True),
        *zip(drawn.other_targets.tolist(), apart.targets[drawn.others].tolist(), strict=True),
    }
    assert len(pairs) == len(set(drawn.few_targets))


def test_a_narrower_prior_keeps_the_temperature_nearer_to_one(apart: DataSet) -> None:
    (found,) = rounds(apart, PER_CLASS, 1)
    assert all(result.all_right for result in found.values())
    away = [abs(np.log(found[spread].temperature)) for spread in SPREADS]
    assert away == sorted(away, reverse=True)
