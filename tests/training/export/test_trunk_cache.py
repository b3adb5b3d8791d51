"""Exported trunks that are kept for runs to come."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from training.backbones.backbone_facts import BackboneFacts
from training.backbones.build import Backbone
from training.backbones.trunk_key import trunk_key
from training.config import FinetuneConfig
from training.export.trunk_cache import CachedTrunk, TrunkCache
from training.export.trunk_reference import TrunkReference
from training.runtime.file_digest import file_sha256

pytestmark = pytest.mark.training


@pytest.fixture
def cached(trunk: onnx.ModelProto, backbone: Backbone) -> CachedTrunk:
    facts = {f.name: getattr(backbone, f.name) for f in dataclasses.fields(BackboneFacts)}
    reference = TrunkReference(
        pixels=np.zeros((2, 4, 4, 3), np.uint8),
        embeddings=np.ones((2, backbone.embedding_dim), np.float32),
        features=None,
    )
    return CachedTrunk(
        graph=trunk, export_s=1.5, backbone=BackboneFacts(**facts), reference=reference
    )


def test_what_was_kept_is_found_by_the_options_and_their_weights(
    cached: CachedTrunk, config: FinetuneConfig, tmp_path: Path
) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"one")
    cache = TrunkCache(tmp_path / "trunks")
    cache.keep(trunk_key(config, weights_sha256=file_sha256(weights)), cached)
    cache.note_weights(config, weights)
    found = cache.find(config)
    assert found is not None
    assert found.graph.SerializeToString() == cached.graph.SerializeToString()
    assert found.backbone == cached.backbone
    assert found.export_s == cached.export_s
    assert np.array_equal(found.reference.embeddings, cached.reference.embeddings)
    assert cache.find(dataclasses.replace(config, image_size=96)) is None
    weights.write_bytes(b"other")
    assert cache.find(config) is None


def test_a_damaged_file_is_removed_and_not_used(cached: CachedTrunk, tmp_path: Path) -> None:
    cache = TrunkCache(tmp_path)
    cache.keep("key", cached)
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert cache.load("key") is None
    assert not cache.has("key")
    file.write_bytes(data[:20])
    assert cache.load("key") is None


def test_the_least_recently_used_make_room(cached: CachedTrunk, tmp_path: Path) -> None:
    TrunkCache(tmp_path).keep("first", cached)
    (file,) = tmp_path.iterdir()
    cache = TrunkCache(tmp_path, limit_bytes=int(2.5 * file.stat().st_size))
    cache.keep("second", cached)
    for age_s, key in enumerate(("first", "second")):
        os.utime(tmp_path / f"{key}.trunk", (age_s, age_s))
    assert cache.load("first") is not None
    cache.keep("third", cached)
    assert [cache.has(key) for key in ("first", "second", "third")] == [True, False, True]


def test_no_room_and_no_folder_stop_no_run(cached: CachedTrunk, tmp_path: Path) -> None:
    TrunkCache(tmp_path, limit_bytes=10).keep("key", cached)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    TrunkCache(tmp_path / "file").keep("key", cached)
