"""A candidate that was had: built, exported, and measured as the file that would be served."""

from dataclasses import dataclass, replace

import numpy as np

from inference.preprocessing import PreprocessSpec
from inference.session import ModelSession, SessionConfig, open_session
from training.backbone_choice.candidate_list import CandidateBackbone
from training.backbones.backbone_facts import BackboneFacts
from training.backbones.build import Backbone, build_backbone
from training.backbones.catalogue import find_backbone
from training.backbones.packaged import is_packaged
from training.backbones.weights_cache import cached_weights_file, hub_repository
from training.config import FinetuneConfig
from training.export.onnx_graph import attach_head
from training.export.trunk_cache import TrunkCache
from training.networks.linear_head import LinearHead
from training.probing.features import ExportedTrunk
from training.probing.network_features import export_backbone


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCandidate:
    """What is known of a backbone before it has seen an image.

    Attributes:
        config: the options of a run with it.
        backbone: its preprocessing, and what a manifest says of it.
        exported: the network without a head.
        session: runs the file that would be served.
        file_bytes: of that file.
        ms: median milliseconds for one image by that file, on the CPU; 0 until it was timed.
    """

    config: FinetuneConfig
    backbone: BackboneFacts
    exported: ExportedTrunk
    session: ModelSession
    file_bytes: int
    ms: float = 0.0

    @property
    def spec(self) -> PreprocessSpec:
        """Its preprocessing."""
        return self.backbone.spec

    def over_limit(self, config: FinetuneConfig) -> str | None:
        """Return which limit of the options it is over, in words."""
        if config.max_ms is not None and self.ms > config.max_ms:
            return f"over --max-ms {config.max_ms:g}"
        if config.max_mb is not None and self.file_bytes > config.max_mb * 1e6:
            return f"over --max-mb {config.max_mb:g}"
        return None

    def excess(self, config: FinetuneConfig) -> float:
        """Return how many times a limit of the options it is, of the limit that it is furthest from."""
        limits = ((self.ms, config.max_ms), (self.file_bytes / 1e6, config.max_mb))
        return max(value / limit for value, limit in limits if limit is not None)


def why_out_of_reach(candidate: CandidateBackbone, silence: str | None) -> str | None:
    """Return why a candidate's weights cannot be had, as far as is known without asking for them.

    `silence` is why the hub does not answer, None where it does.
    """
    if is_here(candidate):
        return None
    if candidate.config.offline:
        return "--offline is set and the weights are not in the local cache"
    if silence is None or not is_of_the_hub(candidate):
        return None
    return f"the weights were not downloaded, {silence}"


def is_here(candidate: CandidateBackbone) -> bool:
    """Whether a candidate's weights need no download."""
    backbone = find_backbone(candidate.name)
    given = candidate.config.weights != "auto" or is_packaged(backbone)
    return given or cached_weights_file(backbone) is not None


def is_of_the_hub(candidate: CandidateBackbone) -> bool:
    """Whether a candidate's weights come from the Hugging Face hub."""
    return hub_repository(find_backbone(candidate.name)) is not None


def build_candidate(candidate: CandidateBackbone) -> Backbone:
    """Build a backbone. What is in the cache is not asked for again.

    Raises:
        BackboneError, WeightsError: it cannot be had.
    """
    config = candidate.config
    return build_backbone(replace(config, offline=config.offline or is_here(candidate)))


def open_candidate(candidate: CandidateBackbone, num_classes: int) -> OpenedCandidate:
    """Build a backbone, export it and time the file.

    Raises:
        BackboneError, WeightsError, GateFailed: it cannot be had, or not be exported.
    """
    backbone = build_candidate(candidate)
    exported = export_backbone(backbone, num_classes, TrunkCache.at(candidate.config.cache_dir))
    return opened_with(candidate, backbone, exported, num_classes)


def opened_with(
    candidate: CandidateBackbone,
    backbone: BackboneFacts,
    exported: ExportedTrunk,
    num_classes: int,
) -> OpenedCandidate:
    """Return a backbone with the file that it would be served as; nothing is timed yet."""
    shape = (num_classes, backbone.embedding_dim)
    head = LinearHead(
        weight=np.zeros(shape, dtype=np.float32), bias=np.zeros(num_classes, dtype=np.float32)
    )
    file = attach_head(exported.graph, head).SerializeToString()
    return OpenedCandidate(
        config=candidate.config,
        backbone=backbone,
        exported=exported,
        session=open_session(file, SessionConfig(provider="cpu")),
        file_bytes=len(file),
    )
