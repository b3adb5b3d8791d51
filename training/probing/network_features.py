"""A network's view of a folder: exported by PyTorch, computed by ONNX Runtime."""

import time
from dataclasses import fields
from pathlib import Path

import numpy as np

from inference.preprocessing import PreprocessSpec
from training.backbones.backbone_facts import BackboneFacts
from training.backbones.build import Backbone
from training.config import FinetuneConfig
from training.data.scan import Scan, StoredPixels
from training.export.network_parity import record_reference
from training.export.parity import is_near
from training.export.trace import export_trunk
from training.export.trunk_cache import CachedTrunk, TrunkCache
from training.export.trunk_reference import REFERENCE_IMAGES
from training.networks.transfer_network import TransferNetwork
from training.probing.features import ExportedTrunk, Features, embed
from training.runtime.progress import Display


def compute_features(
    backbone: Backbone, scan: Scan, display: Display, *, cache_dir: Path | None = None
) -> Features:
    """Export the frozen backbone, unless that was done before, and compute every image's embedding."""
    with display.stage("exporting the backbone"):
        exported = export_backbone(backbone, len(scan.folder.labels), TrunkCache.at(cache_dir))
    return embed(exported, scan.evaluation, display)


def export_backbone(backbone: Backbone, num_classes: int, cache: TrunkCache) -> ExportedTrunk:
    """Return the export of a backbone that is as it was pretrained: the cached one, or a new one.

    Raises:
        GateFailed: the exporter cannot express the network.
    """
    network = TransferNetwork(backbone, num_classes)
    known = None if backbone.trunk_key is None else cache.load(backbone.trunk_key)
    if known is not None:
        return ExportedTrunk(graph=known.graph, export_s=known.export_s, network=network)
    return _export(network, backbone.spec)


def keep_export(
    backbone: Backbone, features: Features, pixels: StoredPixels, config: FinetuneConfig
) -> None:
    """Keep a backbone's export for runs to come, with what PyTorch sees in a few of `pixels`."""
    key, weights_file = backbone.trunk_key, backbone.weights_file
    if key is None or weights_file is None:
        return
    cache = TrunkCache.at(config.cache_dir)
    if not cache.has(key):
        facts = {f.name: getattr(backbone, f.name) for f in fields(BackboneFacts)}
        rows = np.linspace(0, len(pixels) - 1, min(len(pixels), REFERENCE_IMAGES)).astype(np.int64)
        reference = record_reference(features.network, pixels[rows])
        if not is_near(reference.embeddings, features.embeddings[rows]):
            return  # the run's own gate says by how much
        trunk = CachedTrunk(
            graph=features.trunk,
            export_s=features.export_s,
            backbone=BackboneFacts(**facts),
            reference=reference,
        )
        cache.keep(key, trunk)
    cache.note_weights(config, weights_file)


def features_of(
    network: TransferNetwork, spec: PreprocessSpec, pixels: StoredPixels, display: Display
) -> Features:
    """Export a network's trunk and compute the embeddings of all of `pixels` with it."""
    display.line("exporting the backbone to ONNX")
    with display.stage("exporting the backbone"):
        exported = _export(network, spec)
    return embed(exported, pixels, display)


def _export(network: TransferNetwork, spec: PreprocessSpec) -> ExportedTrunk:
    began = time.monotonic()
    graph = export_trunk(network, spec)
    return ExportedTrunk(graph=graph, export_s=time.monotonic() - began, network=network)
