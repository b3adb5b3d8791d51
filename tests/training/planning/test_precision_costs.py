"""What trying other precisions takes, by a run's own figures."""

import dataclasses

import pytest

from training.data.split import Dataset
from training.planning.precision_costs import PrecisionCosts

pytestmark = pytest.mark.training


def test_a_small_folder_and_a_fast_network_take_seconds_not_half_a_minute(
    dataset: Dataset,
) -> None:
    """On 55 images at 26 ms fp16 took 6 s, int8 10 s, and what follows of both a second."""
    costs = PrecisionCosts(image_s=0.026, dataset=dataset)
    assert 4 < costs.seconds("fp16") < 8
    assert costs.seconds("fp16") < costs.seconds("int8") < 15


def test_the_time_grows_with_the_images_that_are_answered_and_with_the_network(
    dataset: Dataset,
) -> None:
    costs = PrecisionCosts(image_s=1.0, dataset=dataset)
    val, test = (dataset.splits[split] for split in ("val", "test"))
    more = dataclasses.replace(dataset, splits={**dataset.splits, "test": (*test, *val)})
    grown = PrecisionCosts(image_s=1.0, dataset=more)
    assert grown.seconds("fp16") - costs.seconds("fp16") == pytest.approx(2 * len(val))
    slower = PrecisionCosts(image_s=2.0, dataset=dataset)
    assert slower.seconds("fp16") - costs.seconds("fp16") == pytest.approx(
        2 * (len(val) + len(test))
    )


def test_what_this_machine_cannot_run_takes_no_time(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = PrecisionCosts(image_s=1.0, dataset=dataset)
    monkeypatch.setattr("training.planning.precision_costs.why_not_bfloat16", lambda: "no AMX")
    assert costs.total_s(("fp32", "bf16")) == 0
