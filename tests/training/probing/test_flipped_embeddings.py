"""Embeddings of flipped images."""

import numpy as np
import pytest

from tests.training.conftest import quiet
from training.data.split import Dataset
from training.probing import flipped_embeddings
from training.probing.embeddings import compute_embeddings
from training.probing.features import Features
from training.probing.flipped_embeddings import FlippedEmbeddings

pytestmark = pytest.mark.training


def test_what_is_known_is_not_computed_again(
    features: Features, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    flipped = FlippedEmbeddings.none_yet(features, dataset.pixels, quiet())
    flipped.of(np.array([7, 3]))
    computed = []

    def counted(trunk: object, pixels: object, rows: np.ndarray, **named: object) -> np.ndarray:
        computed.extend(rows.tolist())
        return compute_embeddings(trunk, pixels, rows, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(flipped_embeddings, "compute_embeddings", counted)
    rows = np.array([3, 5, 7, 1])
    found = flipped.of(rows)
    assert computed == [5, 1]
    alone = compute_embeddings(features.trunk, dataset.pixels, rows, flipped=True)
    assert np.allclose(found, alone, atol=1e-5)
    assert flipped.seconds_of(rows) == 0
