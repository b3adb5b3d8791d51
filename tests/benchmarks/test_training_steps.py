"""The times of training steps, of a tiny network."""

import math

import pytest

from benchmarks.training import steps
from benchmarks.training.steps import FULL, HALF, Variant, step_s

pytestmark = pytest.mark.training


@pytest.mark.parametrize("variant", [*HALF[:-1], *FULL[:-1]], ids=lambda v: v.name)
def test_each_way_of_taking_a_step_is_timed(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the last ones, which would hold for the other tests of the process, too."""
    monkeypatch.setattr(steps, "_IMAGES", 4)
    monkeypatch.setattr(steps, "_STEPS", 2)
    seconds = step_s("timm/test_efficientnet", 64, variant)
    assert math.isfinite(seconds)
    assert seconds > 0


@pytest.mark.parametrize("variants", [HALF, FULL])
def test_each_way_adds_something_to_the_one_before(variants: tuple[Variant, ...]) -> None:
    added = [(v.folded, v.depthwise, v.kept) for v in variants]
    assert [sum(parts) for parts in added] == sorted({sum(parts) for parts in added})
