"""Sums of answers: shared by processes, there after a restart, and not lost to a disk that fails."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from inference import PackageError, Prediction
from inference.measured import AnswerShares
from service.collect.daily_sums import DailySums
from service.collect.drift import find_drift


def answer(label: str, *, probability: float = 0.5, rejected: bool = False) -> Prediction:
    return Prediction(
        label=label,
        probability=probability,
        rejected_reason="unlike" if rejected else None,
        top=(),
        label_set=None,
        embedding=np.zeros(1, np.float32),
        activation_map=None,
    )


def test_processes_that_share_a_folder_know_what_each_other_answered(tmp_path: Path) -> None:
    one, other = DailySums(tmp_path / "sums"), DailySums(tmp_path / "sums")
    one.note("m", 1, [answer("a", probability=0.9), answer("b", rejected=True)])
    other.note("m", 1, [answer("a", probability=0.4)])
    assert one.recent("m", 1).images == 2  # before it is written
    one.flush()
    other.flush()
    one.flush()
    for sums in (one, other, _restarted(tmp_path / "sums")):
        shares = sums.recent("m", 1).shares()
        assert shares is not None
        assert shares.images == 3
        assert shares.rejected == pytest.approx(1 / 3)
        assert shares.top_probability == pytest.approx(0.6)
        assert shares.labels == pytest.approx({"a": 2 / 3, "b": 1 / 3})
        assert sums.recent("m", 2).shares() is None


def _restarted(folder: Path) -> DailySums:
    sums = DailySums(folder)
    sums.flush()
    return sums


def test_what_cannot_be_written_is_written_later(tmp_path: Path) -> None:
    folder = tmp_path / "sums"
    folder.write_text("in the way")
    sums = DailySums(folder)
    sums.note("m", 1, [answer("a")])
    with pytest.raises((OSError, PackageError)):
        sums.flush()
    sums.note("m", 1, [answer("a")])
    assert sums.recent("m", 1).images == 2
    folder.unlink()
    sums.flush()
    assert sums.recent("m", 1).images == 2
    assert _restarted(folder).recent("m", 1).images == 2


def test_a_week_counts_and_a_damaged_day_does_not(tmp_path: Path) -> None:
    text = '{"m": {"1": {"images": 5, "rejected": 0, "top_probability": 4, "labels": {"a": 5}}}}'
    today = datetime.now(UTC).date()
    for ago, content in ((1, text), (2, text[:20]), (6, text), (8, text), (100, text)):
        (tmp_path / f"{today - timedelta(days=ago)}.json").write_text(content)
    sums = _restarted(tmp_path)
    assert sums.recent("m", 1).images == 10
    assert not (tmp_path / f"{today - timedelta(days=100)}.json").exists()


def test_the_shift_of_labels_is_half_of_all_differences_and_wants_enough_images() -> None:
    sums = DailySums(None)
    sums.note("m", 1, [answer("a")] * 30 + [answer("new")] * 9)
    validation = AnswerShares(
        images=10, rejected=0, top_probability=0.9, labels={"a": 0.5, "b": 0.5}
    )
    assert find_drift(sums.recent("m", 1), validation, num_labels=2).label_shift is None
    sums.note("m", 1, [answer("new")])
    found = find_drift(sums.recent("m", 1), validation, num_labels=2)
    assert found.label_shift == pytest.approx(0.5)
    assert find_drift(sums.recent("m", 1), None, num_labels=2).label_shift is None
