"""The probe and a trained network, judged by the same images."""

import dataclasses

import numpy as np
import pytest

from training.candidates.candidate import Candidate
from training.candidates.selection import Contest

pytestmark = pytest.mark.training


def judged(probe: Candidate, method: str, *, right: int, sure: float = 4.0) -> Candidate:
    """Return a candidate that is right about some of the nine validation images."""
    targets = probe.dataset.targets("val")
    answers = np.where(np.arange(9) < right, targets, (targets + 1) % 3)
    logits = np.random.default_rng(right).normal(0, 1, (9, 3)).astype(np.float32)
    logits[np.arange(9), answers] += sure
    return dataclasses.replace(probe, method=method, val_logits=logits)


def over_folds(*pairs: tuple[Candidate, Candidate]) -> Contest:
    """Return the contest of folds that have a probe and a trained network each."""
    first = pairs[0][1]
    val = first.dataset.splits["val"] * len(pairs)
    dataset = dataclasses.replace(first.dataset, splits={**first.dataset.splits, "val": val})
    logits = np.concatenate([trained.val_logits for _, trained in pairs])
    trained = dataclasses.replace(first, dataset=dataset, val_logits=logits)
    return Contest.of([probe for probe, _ in pairs], trained)


@pytest.mark.parametrize(("right", "wins"), [(9, True), (5, False), (3, False)])
def test_the_probe_stays_unless_the_other_is_very_likely_better(
    probe: Candidate, right: int, wins: bool
) -> None:
    first, second = judged(probe, "probe", right=5), judged(probe, "finetune", right=right)
    assert Contest.of([first], second).trained_wins() is wins


def test_one_image_more_of_nine_may_be_luck(probe: Candidate) -> None:
    """Its losses are no lower elsewhere: a coin would do as well."""
    contest = Contest.of([judged(probe, "probe", right=8)], judged(probe, "finetune", right=8))
    assert not contest.trained_wins()
    text = contest.describe()
    assert "+0.0 points (95 % interval +0.0 to +0.0)" in text
    assert "the same 9 validation images" in text


def test_folds_judge_together(probe: Candidate) -> None:
    """What one fold speaks for, two others speak against."""
    better = judged(probe, "probe", right=7), judged(probe, "finetune", right=9)
    worse = judged(probe, "probe", right=9), judged(probe, "finetune", right=7)
    assert over_folds(better).trained_wins()
    both = over_folds(better, worse, worse)
    assert not both.trained_wins()
    assert "finetune against the probe" in both.describe()
    assert "the same 27 validation images of 3 folds: -7.4 points" in both.describe()
    assert over_folds(worse, better, better, better).trained_wins()


def test_a_fold_that_is_right_by_chance_is_not_rated_surer_than_the_others(
    probe: Candidate,
) -> None:
    """Both ways answer alike, but that each has the fold without a mistake at another place."""
    faultless, poor = judged(probe, "finetune", right=9), judged(probe, "finetune", right=5)
    contest = over_folds((poor, faultless), (faultless, poor))
    together = contest.trained.losses
    alone = over_folds((poor, faultless)).trained.losses
    assert together[:9].mean() > 2 * alone.mean()
    assert together.mean() == pytest.approx(contest.probe.losses.mean())
