"""The probe, against scikit-learn's own answers."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from training.probing import probe as probe_module
from training.probing.probe import C_GRID, Probe, _folded, fit_head, fit_probe
from training.runtime.arrays import Floats, Integers

pytestmark = pytest.mark.training


def blobs(num_classes: int, *, num: int, seed: int, noise: float = 1.5) -> tuple[Floats, Integers]:
    """Return embeddings (N, 16) around one centre a class, far from zero, and their classes."""
    centres = np.random.default_rng(0).normal(0, 2, (num_classes, 16)) + 30
    rng = np.random.default_rng(seed)
    targets = np.arange(num) % num_classes
    return (centres[targets] + rng.normal(0, noise, (num, 16))).astype(np.float32), targets


def fit(num_classes: int, *, noise: float = 1.5) -> Probe:
    """Fit a probe on blobs."""
    train, val = (
        blobs(num_classes, num=120, seed=1, noise=noise),
        blobs(num_classes, num=60, seed=2, noise=noise),
    )
    return fit_probe(*train, *val)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_the_folded_head_gives_scikit_learns_decision(num_classes: int) -> None:
    """Centring and scaling are inside the head: it reads raw embeddings.

    Logits count up to a constant a row. Of two classes scikit-learn gives one number, the head two
    logits whose difference it is.
    """
    train, targets = blobs(num_classes, num=120, seed=1)
    mean, scale = train.mean(axis=0), float((train - train.mean(axis=0)).std())
    model = LogisticRegression(C=0.1).fit((train - mean) / scale, targets)
    unseen, _ = blobs(num_classes, num=50, seed=3)
    expected = model.decision_function((unseen - mean) / scale)
    head = _folded(model.coef_, model.intercept_, mean, scale)
    logits = head.logits(unseen)
    assert head.weight.shape == (num_classes, 16)
    got = (
        logits[:, 1] - logits[:, 0]
        if num_classes == 2
        else logits - logits.mean(axis=1, keepdims=True)
    )
    assert np.abs(got - expected).max() < 1e-3 * np.abs(expected).max()


def test_fewer_images_than_entries_give_the_head_of_the_full_problem() -> None:
    """The span of the images is enough: nothing is lost by the smaller problem."""
    rng = np.random.default_rng(0)
    train = rng.normal(size=(30, 200)).astype(np.float32) + 3
    targets = np.arange(30) % 3
    mean, scale = train.mean(axis=0), float((train - train.mean(axis=0)).std())
    model = LogisticRegression(C=0.1, tol=1e-8, max_iter=5000).fit((train - mean) / scale, targets)
    unseen = rng.normal(size=(40, 200)).astype(np.float32) + 3
    expected = model.decision_function((unseen - mean) / scale)
    logits = fit_head(train, targets, C=0.1).logits(unseen)
    assert np.abs(logits - logits.mean(axis=1, keepdims=True) - expected).max() < 0.01


@pytest.mark.parametrize("num_classes", [2, 4])
def test_the_head_answers_as_a_fully_converged_one_does(num_classes: int) -> None:
    """The solver stops early and starts warm; that changes no answer."""
    train, targets = blobs(num_classes, num=120, seed=1, noise=3)
    probe = fit(num_classes, noise=3)
    mean, scale = train.mean(axis=0), (train - train.mean(axis=0)).std()
    model = LogisticRegression(C=probe.chosen.C, max_iter=5000, tol=1e-8)
    model.fit((train - mean) / scale, targets)
    unseen, _ = blobs(num_classes, num=200, seed=3, noise=3)
    expected = model.predict_proba((unseen - mean) / scale)
    assert np.abs(softmax(probe.head.logits(unseen), axis=1) - expected).max() < 0.05


def test_the_strength_with_the_lowest_validation_loss_is_kept() -> None:
    probe = fit(4, noise=3)
    losses = [trial.nll for trial in probe.trials]
    assert probe.chosen.nll == min(losses)
    assert len(losses) > 2
    assert [trial.C for trial in probe.trials] == list(C_GRID[: len(losses)])
    assert [trial is probe.chosen for trial in probe.trials] == [
        len(trial.logits) > 0 for trial in probe.trials
    ]


def test_the_chosen_heads_figures_are_its_own() -> None:
    val, targets = blobs(4, num=60, seed=2, noise=3)
    probe = fit(4, noise=3)
    assert (probe.head.logits(val).argmax(axis=1) == targets).mean() == probe.chosen.accuracy


def test_labels_that_mean_nothing_give_a_head_that_says_little() -> None:
    """A loss of about ln 3 is what guessing has; a weakly regularised head would be far above."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(160, 64)).astype(np.float32)
    targets = rng.integers(0, 3, 160)
    probe = fit_probe(inputs[:100], targets[:100], inputs[100:], targets[100:])
    assert probe.chosen.C < 0.01
    assert probe.chosen.nll == pytest.approx(np.log(3), abs=0.05)


def test_the_same_data_gives_the_same_head() -> None:
    first, again = fit(4), fit(4)
    assert np.array_equal(first.head.weight, again.head.weight)
    assert np.array_equal(first.head.bias, again.head.bias)


def test_constant_embeddings_give_a_head_without_a_number_lost() -> None:
    """A backbone may be blind to the data; nothing is divided by zero."""
    same = np.full((20, 16), 3, dtype=np.float32)
    targets = np.arange(20) % 2
    probe = fit_probe(same, targets, same, targets)
    assert np.isfinite(probe.head.logits(same)).all()


def test_progress_reaches_its_end_even_when_fitting_stops_early() -> None:
    done: list[int] = []
    fit_probe(*blobs(4, num=120, seed=1), *blobs(4, num=60, seed=2), advance=done.append)
    assert sum(done) == len(C_GRID)


def test_of_many_images_a_part_chooses_C_and_the_head_is_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, targets = blobs(4, num=120, seed=1, noise=3)
    val, val_targets = blobs(4, num=60, seed=2, noise=3)
    targets[:-1][targets[:-1] == 3] = 0  # one class has a single image
    monkeypatch.setattr(probe_module, "_MAX_SEARCH_IMAGES", 40)
    probe = fit_probe(train, targets, val, val_targets)
    assert probe.search_images <= 40
    expected = fit_head(train, targets, C=probe.chosen.C)
    assert np.array_equal(probe.head.weight, expected.weight)
    assert np.array_equal(probe.chosen.logits, expected.logits(val))
