"""The panel on drift: the service's own sums and reference, and the rule for an alert."""

from pathlib import Path
from typing import Any

import pytest

from service.collect.daily_sums import SUMS_FOLDER, DailySums
from studio.collecting.drift_panel import read_drift
from tests.builders import make_package
from tests.service.collect.test_daily_sums import answer
from tests.service.telemetry.test_drift_metrics import VALIDATION, with_reference


def drift_after(tmp_path: Path, *, sure: int, rejected: int) -> dict[str, Any]:
    make_package(tmp_path / "models", after=with_reference)
    sums = DailySums(tmp_path / SUMS_FOLDER)
    sums.note("colours", 1, [answer("red", probability=0.97)] * (sure // 2))
    sums.note("colours", 1, [answer("blue", probability=0.97)] * (sure // 2))
    sums.note("colours", 1, [answer("red", probability=0.97, rejected=True)] * rejected)
    sums.flush()
    return read_drift(tmp_path, tmp_path / "models", "colours")


def test_a_share_rejected_far_above_validation_s_is_an_alert(tmp_path: Path) -> None:
    found = drift_after(tmp_path, sure=160, rejected=40)
    assert found["alerts"] == ["rejects_more"]
    assert found["recent"]["rejected"] == pytest.approx(0.2)
    assert found["validation"]["rejected"] == VALIDATION["rejected"]
    assert [day["images"] for day in found["days"]] == [200]
    assert found["labels"][0] == {"label": "blue", "recent": 0.4, "validation": 0.5}
    assert found["label_shift"] == pytest.approx(0.1)


@pytest.mark.parametrize(("sure", "rejected"), [(158, 40), (180, 20)])
def test_too_few_images_or_a_small_difference_are_none(
    tmp_path: Path, sure: int, rejected: int
) -> None:
    assert drift_after(tmp_path, sure=sure, rejected=rejected)["alerts"] == []


def test_a_model_that_nothing_asked_has_no_panel(tmp_path: Path) -> None:
    assert read_drift(tmp_path, tmp_path / "models", "colours") == {"version": None, "days": []}
    make_package(tmp_path / "models")
    assert read_drift(tmp_path, tmp_path / "models", "colours")["recent"]["images"] is None
