"""Swapped labels are found by probes that did not see them."""

import numpy as np
import numpy.typing as npt
import pytest

from training.audit import suspect_labels as labels
from training.audit.suspect_labels import find_suspect_labels

pytestmark = pytest.mark.training

PER_CLASS = 40


@pytest.fixture(autouse=True, params=["few images", "many images"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is of both ways of predicting images by others."""
    if request.param == "many images":
        monkeypatch.setattr(labels, "_MANY_IMAGES", 0)


def clusters(*, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return three classes of embeddings (120, 16), clearly apart."""
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(3), PER_CLASS)
    centres = np.eye(3, 16) * 10
    return (centres[targets] + rng.normal(size=(len(targets), 16))).astype(np.float32), targets


def test_swapped_labels_are_named_with_what_they_look_like() -> None:
    embeddings, targets = clusters()
    given = targets.copy()
    given[[3, 50, 100]] = [1, 2, 0]
    found = find_suspect_labels(embeddings, given, np.arange(len(targets)), seed=0)
    assert {(s.row, s.label, s.suggested) for s in found} == {(3, 1, 0), (50, 2, 1), (100, 0, 2)}
    assert [s.score for s in found] == sorted(s.score for s in found)


def test_sound_labels_are_not_suspected() -> None:
    embeddings, targets = clusters()
    assert find_suspect_labels(embeddings, targets, np.arange(len(targets)), seed=0) == []


def test_copies_of_a_swapped_image_do_not_vouch_for_it() -> None:
    """Far from its given class, beside six copies of itself: only grouped folds still see it."""
    embeddings, targets = clusters()
    embeddings[:7], given = embeddings[0], targets.copy()
    given[:7] = 1
    groups = np.arange(len(targets))
    groups[:7] = 0
    found = find_suspect_labels(embeddings, given, groups, seed=0)
    assert {s.row for s in found} == set(range(7))


def test_a_class_of_one_photo_is_not_judged() -> None:
    embeddings, targets = clusters()
    groups = np.arange(len(targets))
    groups[targets == 2] = 80
    assert find_suspect_labels(embeddings, targets, groups, seed=0) == []


def test_equal_embeddings_do_no_harm() -> None:
    _, targets = clusters()
    flat = np.ones((len(targets), 16), np.float32)
    assert find_suspect_labels(flat, targets, np.arange(len(targets)), seed=0) == []


def test_many_images_are_dealt_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mean over several dealings is divided by as many as there were."""
    embeddings, targets = clusters()
    given = targets.copy()
    given[3] = 1
    monkeypatch.setattr(labels, "_MANY_IMAGES", len(targets) + 1)
    several = find_suspect_labels(embeddings, given, np.arange(len(targets)), seed=0)
    monkeypatch.setattr(labels, "_MANY_IMAGES", len(targets))
    once = find_suspect_labels(embeddings, given, np.arange(len(targets)), seed=0)
    assert [s.row for s in once] == [s.row for s in several] == [3]
    assert once[0].score == pytest.approx(several[0].score, abs=0.01)
    assert once[0].score != several[0].score
