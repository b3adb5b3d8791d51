"""Fewer numbers, the same likeness."""

import numpy as np
import pytest

from training.audit import principal_components as components
from training.audit.principal_components import main_components

pytestmark = pytest.mark.training


def test_few_numbers_keep_their_distances() -> None:
    embeddings = np.random.default_rng(0).normal(3, 1, (20, 6)).astype(np.float32)
    reduced = main_components(embeddings)
    assert reduced.shape == (20, 6)
    assert np.allclose(reduced.mean(axis=0), 0, atol=1e-5)
    between = np.linalg.norm(embeddings[:, None] - embeddings, axis=2)
    assert np.allclose(np.linalg.norm(reduced[:, None] - reduced, axis=2), between, atol=1e-4)


def test_of_many_numbers_the_main_directions_are_kept() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(0, 0.01, (50, 400)).astype(np.float32)
    embeddings[:, 7] += np.arange(50)
    reduced = main_components(embeddings)
    assert reduced.shape == (50, 256)
    assert np.allclose(np.abs(reduced[:, -1]), np.abs(np.arange(50) - 24.5), atol=0.1)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    whole = main_components(embeddings)
    monkeypatch.setattr(components, "_BLOCK", 7)
    assert np.allclose(np.abs(main_components(embeddings)), np.abs(whole), atol=1e-4)
