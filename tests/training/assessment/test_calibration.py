"""The temperature, against a known truth and against scikit-learn."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from training.assessment.calibration import PRIOR_SPREAD, calibration_effect, fit_temperature
from training.assessment.nll import negative_log_likelihood

pytestmark = pytest.mark.training


def honest_sample(
    num: int = 20_000, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return logits (N, 4) and targets drawn from just these probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (num, 4))
    cumulative = softmax(logits, axis=1).cumsum(axis=1)
    targets = (rng.random((num, 1)) > cumulative[:, :-1]).sum(axis=1)
    return logits.astype(np.float32), targets.astype(np.int64)


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_a_known_temperature_is_found_again(factor: float) -> None:
    logits, targets = honest_sample()
    assert fit_temperature(logits * np.float32(factor), targets) == pytest.approx(factor, rel=0.03)


def test_the_fitted_temperature_lowers_the_loss_to_its_least() -> None:
    logits, targets = honest_sample(2_000)
    sharp = logits * 4
    found = fit_temperature(sharp, targets)
    least = negative_log_likelihood(sharp, targets, temperature=found)
    for other in (found * 0.97, found * 1.03, 1.0):
        assert negative_log_likelihood(sharp, targets, temperature=other) > least


def test_a_few_images_that_are_all_right_do_not_make_a_model_sure_of_everything() -> None:
    """By the images alone the best temperature is the lowest one there is."""
    logits = np.eye(3, dtype=np.float32) * 2
    alone = fit_temperature(logits, np.arange(3))
    assert alone == pytest.approx(0.05, rel=0.2)
    assert 0.2 < fit_temperature(logits, np.arange(3), prior_spread=PRIOR_SPREAD) < 1


def test_more_images_count_for_more_than_the_prior() -> None:
    logits, targets = honest_sample(300)
    alone = fit_temperature(logits * 4, targets)
    found = fit_temperature(logits * 4, targets, prior_spread=PRIOR_SPREAD)
    assert found == pytest.approx(alone, rel=0.01)


def test_the_loss_is_the_mean_of_minus_the_log_of_the_probability() -> None:
    logits = np.log(np.array([[0.5, 0.5], [0.9, 0.1]], dtype=np.float32))
    expected = -(np.log(0.5) + np.log(0.1)) / 2
    assert negative_log_likelihood(logits, np.array([0, 1])) == pytest.approx(expected, rel=1e-6)


def test_scikit_learn_finds_the_same_temperature() -> None:
    """CalibratedClassifierCV(method="temperature") minimises the same loss by another route."""
    inputs, targets = make_classification(
        1200, n_features=12, n_informative=8, n_classes=4, random_state=0, flip_y=0.2
    )
    model = LogisticRegression(C=100.0).fit(inputs[:80], targets[:80])
    theirs = CalibratedClassifierCV(FrozenEstimator(model), method="temperature")
    theirs.fit(inputs[80:], targets[80:])
    logits = model.decision_function(inputs[80:]).astype(np.float32)
    ours = fit_temperature(logits, targets[80:])
    expected = theirs.predict_proba(inputs[80:])
    assert np.abs(softmax(logits / ours, axis=1) - expected).max() < 1e-3
    (inside,) = theirs.calibrated_classifiers_
    assert ours == pytest.approx(1 / inside.calibrators[0].beta_, rel=2e-3)


def test_the_effect_of_the_temperature_on_an_overconfident_model_is_told() -> None:
    logits, targets = honest_sample(5_000)
    effect = calibration_effect(logits * 3, targets, temperature=3.0)
    assert effect.nll_before == pytest.approx(negative_log_likelihood(logits * 3, targets))
    assert effect.nll_after == pytest.approx(negative_log_likelihood(logits, targets))
    assert effect.nll_after < effect.nll_before
    assert effect.ece_before > 0.1
    assert effect.ece_after < 0.03
