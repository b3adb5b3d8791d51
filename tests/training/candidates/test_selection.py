"""The probe and a trained network, compared on the same images, and the reason that is given."""

import dataclasses
import re

import numpy as np
import pytest
from scipy.stats import bootstrap

from training.assessment.validation_result import ValidationResult
from training.candidates.candidate import Candidate
from training.candidates.selection import PairedComparison, Selection

pytestmark = pytest.mark.training


def predicting(probe: Candidate, method: str, *, right: int, sure: float = 4.0) -> Candidate:
    """Return a candidate that is right about some of the nine validation images."""
    targets = probe.dataset.targets("val")
    answers = np.where(np.arange(9) < right, targets, (targets + 1) % 3)
    logits = np.random.default_rng(right).normal(0, 1, (9, 3)).astype(np.float32)
    logits[np.arange(9), answers] += sure
    return dataclasses.replace(probe, method=method, val_logits=logits)


def over_folds(*pairs: tuple[Candidate, Candidate]) -> PairedComparison:
    """Return the comparison of folds that have a probe and a trained network each."""
    first = pairs[0][1]
    val = first.dataset.splits["val"] * len(pairs)
    dataset = dataclasses.replace(first.dataset, splits={**first.dataset.splits, "val": val})
    logits = np.concatenate([trained.val_logits for _, trained in pairs])
    trained = dataclasses.replace(first, dataset=dataset, val_logits=logits)
    return PairedComparison.of([probe for probe, _ in pairs], trained)


@pytest.mark.parametrize(
    ("right", "chosen", "because"),
    [
        (9, "finetune", "the fine-tuned network is more accurate, beyond chance: 100.0 % against "),
        (
            5,
            "probe",
            "the loss of the fine-tuned network is not lower than that of the linear probe",
        ),
        (
            3,
            "probe",
            "the loss of the fine-tuned network is not lower than that of the linear probe",
        ),
    ],
)
def test_the_lower_loss_is_published_and_the_reason_says_so(
    probe: Candidate, right: int, chosen: str, because: str
) -> None:
    first, second = (
        predicting(probe, "probe", right=5),
        predicting(probe, "finetune", right=right),
    )
    selection = Selection.between(first, [first], second)
    assert selection.chosen.method == chosen
    assert [candidate.method for candidate in selection.tried] == ["probe", "finetune"]
    name = {"probe": "linear probe", "finetune": "fine-tuned network"}[chosen]
    start = f"Published is the {name}: on the same 9 validation images, {because}"
    assert selection.reason.startswith(start)


def test_a_model_that_is_less_accurate_beyond_chance_is_not_published_for_its_loss() -> None:
    sure = result("linear probe", [0.1] * 80 + [9.0] * 20, 80)
    vague = result("fine-tuned network", [0.7] * 100, 60)
    decision = PairedComparison(probe=sure, trained=vague, num_folds=1).decide()
    assert vague.losses.mean() < sure.losses.mean()
    assert not decision.chooses_trained
    assert "less accurate, beyond chance: 60.0 % against 80.0 %, -20.0 points" in decision.because


def result(name: str, losses: list[float], num_right: int) -> ValidationResult:
    """Return a result of which these are the losses, right about the first images."""
    return ValidationResult(
        name=name, losses=np.array(losses), correct=np.arange(len(losses)) < num_right
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_figures_of_the_reason_are_those_that_decided(seed: int) -> None:
    """The interval is counted again by SciPy's bootstrap; the text and the decision must agree with it."""
    rng = np.random.default_rng(seed)
    num_images = int(rng.integers(20, 60))
    probe_losses = rng.gamma(1, 0.5, num_images)
    losses = np.maximum(probe_losses + rng.normal(-0.03, 0.3, num_images), 0)
    right = [int(n) for n in rng.integers(num_images // 2, num_images, 2)]
    trained = result("fine-tuned network", losses.tolist(), max(right))
    probe = result("linear probe", probe_losses.tolist(), min(right) if seed % 3 else max(right))
    decision = PairedComparison(probe=probe, trained=trained, num_folds=1).decide()
    because = decision.because
    better = trained.correct.astype(float) - probe.correct
    again = bootstrap((better,), np.mean, rng=1, method="percentile").confidence_interval
    if "beyond chance: " in because:
        assert again.low > -0.01 or again.high < 0.01
        assert decision.chooses_trained == (better.mean() > 0)
    else:
        assert again.low < 0.03
        assert again.high > -0.03
        said = [
            float(loss) for loss in re.findall(r"probe: ([0-9.]+) against ([0-9.]+);", because)[0]
        ]
        means = [trained.losses.mean(), probe.losses.mean()]
        assert said == pytest.approx(means, abs=6e-4)
        assert decision.chooses_trained == (said[0] < said[1]) == ("is lower" in because)
    for result_ in (trained, probe):
        assert f"{100 * result_.correct.mean():.1f} %" in because


def test_a_difference_that_rounding_hides_is_said_in_images() -> None:
    """One of 3,000 images: both shares are 77.0 %."""
    fewer = result("fine-tuned network", [0.5] * 3000, 2309)
    more = result("linear probe", [0.5] * 3000, 2310)
    because = PairedComparison(probe=more, trained=fewer, num_folds=1).decide().because
    assert "their accuracy, 2,309 against 2,310 images right, does not differ" in because


def test_a_selection_without_a_rival_says_so(probe: Candidate) -> None:
    assert Selection.without_rival(probe).reason == (
        "Published is the linear probe: it is the only model that was trained."
    )
    late = Selection.without_rival(probe, "the time budget had no room for fine-tuning")
    assert late.reason.endswith(": the time budget had no room for fine-tuning.")


def test_another_fit_of_the_probe_takes_its_place(probe: Candidate) -> None:
    first, second = predicting(probe, "probe", right=9), predicting(probe, "finetune", right=3)
    selection = Selection.between(first, [first], second)
    again = selection.with_probe(probe)
    assert again.chosen is probe
    assert again.tried == (probe, selection.tried[1])
    assert again.reason == selection.reason


def test_one_image_more_of_nine_may_be_luck(probe: Candidate) -> None:
    """Its losses are no lower elsewhere: a coin would do as well."""
    comparison = PairedComparison.of(
        [predicting(probe, "probe", right=8)], predicting(probe, "finetune", right=8)
    )
    assert not comparison.decide().chooses_trained
    text = comparison.describe()
    assert "+0.0 points (95 % interval +0.0 to +0.0)" in text
    assert "the same 9 validation images" in text


def test_folds_are_compared_together(probe: Candidate) -> None:
    """What one fold speaks for, two others speak against."""
    better = predicting(probe, "probe", right=7), predicting(probe, "finetune", right=9)
    worse = predicting(probe, "probe", right=9), predicting(probe, "finetune", right=7)
    assert over_folds(better).decide().chooses_trained
    both = over_folds(better, worse, worse)
    assert not both.decide().chooses_trained
    assert "fine-tuned network against the linear probe" in both.describe()
    assert "the same 27 validation images of 3 folds: -7.4 points" in both.describe()
    assert over_folds(worse, better, better, better).decide().chooses_trained


def test_a_fold_that_is_right_by_chance_is_not_taken_for_surer_than_the_others(
    probe: Candidate,
) -> None:
    """Both ways answer alike, but that each has the fold without a mistake at another place."""
    faultless, poor = (
        predicting(probe, "finetune", right=9),
        predicting(probe, "finetune", right=5),
    )
    comparison = over_folds((poor, faultless), (faultless, poor))
    together = comparison.trained.losses
    alone = over_folds((poor, faultless)).trained.losses
    assert together[:9].mean() > 2 * alone.mean()
    assert together.mean() == pytest.approx(comparison.probe.losses.mean())


@pytest.mark.parametrize(
    ("losses", "right", "taken"),
    [
        ([0.4] * 100, 80, True),
        ([0.4] * 100, 79, True),  # an image fewer is right, which is chance
        ([0.4] * 100, 60, False),
        ([0.1] * 56 + [0.9] * 44, 80, False),  # lower by chance: in 88 % of the bootstrap samples
    ],
)
def test_another_head_has_to_be_shown_to_be_better(
    losses: list[float], right: int, taken: bool
) -> None:
    alone, taught = result("linear probe", [0.5] * 100, 80), result("taught", losses, right)
    assert taught.losses.mean() < alone.losses.mean()
    decision = PairedComparison(probe=alone, trained=taught, num_folds=1).decide_if_convinced()
    assert decision.chooses_trained is taken
    assert f"is {'' if taken else 'not '}shown to be better than" in decision.because
