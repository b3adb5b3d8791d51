"""The probe: chosen on validation images, and its published head fitted on all that it may see."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import quiet
from tests.training.data.reading import read, split
from tests.training.folders import write_classes
from training.backbones.build import Backbone
from training.candidates.candidate import Candidate
from training.candidates.probe_candidate import make_probe
from training.config import FinetuneConfig
from training.data.split import Dataset
from training.probing.features import Features
from training.probing.network_features import compute_features

pytestmark = pytest.mark.training


def test_the_probe_is_right_on_colours(probe: Candidate) -> None:
    assert probe.method == "probe"
    assert probe.accuracy == 1
    assert probe.val_logits.shape == (9, 3)
    assert sum("(kept)" in note for note in probe.notes) == 1
    assert not probe.network.training


@pytest.mark.parametrize(
    "how", [{"spare_s": lambda: 0.0}, {"flipped": False}], ids=["no time", "not asked for"]
)
def test_mirrored_images_are_left_out_where_they_are_not_asked_for_or_have_no_time(
    features: Features,
    dataset: Dataset,
    config: FinetuneConfig,
    probe: Candidate,
    how: dict[str, Any],
) -> None:
    hurried = make_probe(features, dataset, config, quiet(), **how)
    assert hurried.horizontal_flip
    assert hurried.accuracy == probe.accuracy
    heads = hurried.network.linear_head().weight, probe.network.linear_head().weight
    assert not np.allclose(*heads)


def test_the_published_head_has_seen_dealt_validation_images_and_the_judged_one_has_not(
    probe: Candidate, features: Features, dataset: Dataset
) -> None:
    assert probe.start is not None
    judged, published = probe.start.linear_head(), probe.network.linear_head()
    rows = dataset.rows("val")
    assert np.allclose(judged.logits(features.embeddings[rows]), probe.val_logits, atol=1e-4)
    assert not np.allclose(judged.weight, published.weight)
    assert len(probe.out_of_fold().targets) == len(dataset.splits["val"])
    assert not probe.cross_validated


def test_a_given_validation_set_is_never_fitted_on(
    features: Features, dataset: Dataset, config: FinetuneConfig
) -> None:
    given = dataclasses.replace(dataset, given_val=True)
    probe = make_probe(features, given, dataclasses.replace(config, horizontal_flip="no"), quiet())
    assert probe.start is not None
    assert np.allclose(
        probe.start.linear_head().weight, probe.network.linear_head().weight, atol=1e-2
    )


def test_few_images_are_cross_validated_and_the_head_is_fitted_on_all(
    backbone: Backbone, tmp_path: Path
) -> None:
    scan = read(write_classes(tmp_path / "photos", count=6), tmp_path, spec=backbone.spec)
    dataset = split(scan)
    probe = make_probe(compute_features(backbone, scan, quiet()), dataset, options(), quiet())
    assert probe.val_logits.shape == (18, 3)
    assert probe.spread is not None
    assert "over the folds (n=18), " in probe.describe()
    in_pairs = dataclasses.replace(
        probe, dataset=dataclasses.replace(dataset, photos=np.arange(18) // 2)
    )
    assert "(n=18 images of 9 photos)" in in_pairs.describe()
    assert probe.accuracy > 0.9
    assert probe.cross_validated


def options(**changed: object) -> FinetuneConfig:
    """Return a run's options."""
    return FinetuneConfig(data=Path("photos"), **changed)  # type: ignore[arg-type]
