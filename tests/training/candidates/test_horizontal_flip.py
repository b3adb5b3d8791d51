"""Whether flipped photos keep their class."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from tests.training.conftest import quiet
from tests.training.data.reading import read, split
from training.backbones.build import Backbone
from training.candidates.candidate import Candidate
from training.candidates.probe_candidate import make_probe
from training.config import FinetuneConfig
from training.probing.network_features import compute_features

pytestmark = pytest.mark.training


def test_colours_keep_their_class_in_the_mirror(probe: Candidate) -> None:
    assert probe.horizontal_flip


def test_left_and_right_do_not_keep_theirs(backbone: Backbone, tmp_path: Path) -> None:
    """The trunk here gives the mean colour of each half."""
    for label, columns in (("left", slice(0, 22)), ("right", slice(22, 44))):
        (tmp_path / "sides" / label).mkdir(parents=True)
        for number in range(20):
            pixels = np.random.default_rng(number).integers(0, 40, (44, 44, 3), dtype=np.uint8)
            pixels[:, columns] += 200
            Image.fromarray(pixels).save(tmp_path / "sides" / label / f"{number}.png")
    halves = dataclasses.replace(
        backbone,
        trunk=nn.Sequential(nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten()),
        embedding_dim=6,
        map_layer=None,
        trunk_key=None,
    )
    scan = read(tmp_path / "sides", tmp_path, spec=halves.spec)
    config = FinetuneConfig(data=tmp_path / "sides")
    features = compute_features(halves, scan, quiet())
    probe = make_probe(features, split(scan), config, quiet())
    assert probe.accuracy == 1
    assert not probe.horizontal_flip
    assert make_probe(
        features, split(scan), dataclasses.replace(config, horizontal_flip="yes"), quiet()
    ).horizontal_flip
