"""Heads fitted block by block are those that scikit-learn fits."""

from typing import Final

import numpy as np
import pytest

import training.probing.blockwise_head
from training.networks.linear_head import LinearHead
from training.probing import probe
from training.probing.probe import fit_head, fit_head_on_parts
from training.runtime.arrays import Floats, Integers

pytestmark = pytest.mark.training

_DIMENSIONS: Final = 12


def images(num_classes: int) -> tuple[Floats, Integers]:
    """Return embeddings of 500 images of overlapping classes, the first with half of them."""
    rng = np.random.default_rng(0)
    targets = np.where(rng.random(500) < 0.5, 0, rng.integers(0, num_classes, 500))
    centres = rng.normal(0, 1, (num_classes, _DIMENSIONS))
    embeddings = 3 + 0.2 * (rng.standard_normal((500, _DIMENSIONS)) + centres[targets])
    return embeddings.astype(np.float32), targets.astype(np.int64)


@pytest.mark.parametrize("num_classes", [2, 6])
@pytest.mark.parametrize("balanced", [False, True])
def test_a_head_of_many_images_is_that_of_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, num_classes: int, *, balanced: bool
) -> None:
    embeddings, targets = images(num_classes)
    expected = fit_head(embeddings, targets, C=0.1, balanced=balanced)
    monkeypatch.setattr(probe, "_LARGE", 0)
    monkeypatch.setattr(probe, "_LOSS_TOLERANCE", 1e-9)
    # Several blocks in each part, the last of them short.
    monkeypatch.setattr(training.probing.blockwise_head, "_BLOCK_BYTES", 4 * 70 * 24)
    parts = [embeddings[:300], embeddings[300:]]
    found = fit_head_on_parts(parts, targets, C=0.1, balanced=balanced)
    assert _about_mean(found, embeddings) == pytest.approx(
        _about_mean(expected, embeddings), abs=0.02
    )


def _about_mean(head: LinearHead, embeddings: Floats) -> Floats:
    """Return the logits about their mean over the classes, which changes no probability."""
    logits = head.logits(embeddings)
    centred: Floats = logits - logits.mean(axis=1, keepdims=True)
    return centred
