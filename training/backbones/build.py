"""A backbone ready for a new head: the trunk with its weights, and the preprocessing they need."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import timm
import torch
import torchvision
from torch import nn

from inference.manifest import BackboneInfo
from inference.preprocessing import PreprocessSpec
from training.backbones.backbone_facts import BackboneFacts, with_fit
from training.backbones.catalogue import (
    BackboneName,
    find_backbone,
    has_weights,
    licence_of,
    torchvision_weights,
)
from training.backbones.head_removal import (
    find_map_layer,
    remove_timm_head,
    remove_torchvision_head,
)
from training.backbones.hubs import fetching
from training.backbones.own_preprocessing import own_preprocessing
from training.backbones.packaged import is_packaged, packaged_weights
from training.backbones.small_networks import OWN_NETWORKS, OWN_SIDE_PX
from training.backbones.trunk_key import trunk_key
from training.backbones.weights import (
    WeightsInfo,
    load_into_trunk,
    read_state_dict,
)
from training.backbones.weights_cache import cached_weights_file
from training.config import DEFAULT_BACKBONE, FinetuneConfig
from training.errors import BackboneError, WeightsError
from training.runtime.file_digest import file_sha256

_RANDOM: Final = WeightsInfo(name="none", sha256=None, licence="none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone(BackboneFacts):
    """A network without its head.

    Attributes:
        trunk: normalised images (N, 3, H, W) float32 -> embedding (N, D) float32, in eval mode.
        weights_file: what its weights were read from, None where there is no such file.
        trunk_key: under which its export is cached, None where it is not to be.
    """

    trunk: nn.Module
    weights_file: Path | None = None
    trunk_key: str | None = None


def build_backbone(config: FinetuneConfig) -> Backbone:
    """Build the network that `config` names, with its weights and without its head.

    Raises:
        BackboneError: no such network, or arguments or an input size it does not take.
        WeightsError: the weights are missing, unreachable or of another network.
    """
    backbone = find_backbone(config.backbone)
    torch.manual_seed(config.seed)
    network = _build_network(backbone, config)
    spec = _overridden(own_preprocessing(backbone, network), config)
    _check_size(backbone, network, config)
    trunk = _without_head(backbone, network)
    weights, unused = _load_weights(backbone, trunk, config)
    trunk.eval()
    sample = torch.randn(2, 3, *spec.crop_hw)
    embedding_dim = _embedding_dim(backbone, trunk, sample)
    info = BackboneInfo(
        name=backbone.recorded,
        source=backbone.source,
        weights=weights.name,
        sha256=weights.sha256,
        licence=weights.licence,
        num_params=sum(parameter.numel() for parameter in trunk.parameters()),
    )
    return Backbone(
        trunk=trunk,
        spec=spec,
        info=info,
        embedding_dim=embedding_dim,
        map_layer=find_map_layer(trunk, sample),
        unused=tuple(unused),
        weights_file=weights.file,
        trunk_key=_trunk_key(backbone, weights, config),
    )


def _trunk_key(backbone: BackboneName, weights: WeightsInfo, config: FinetuneConfig) -> str | None:
    """Return what tells its export from all others; None where a `config.json` could change it unseen."""
    if weights.sha256 is None or backbone.is_described_by_a_config:
        return None
    return trunk_key(config, weights_sha256=weights.sha256)


def starts_random(backbone: BackboneName, config: FinetuneConfig) -> bool:
    """Whether a run starts from random weights.

    Raises:
        WeightsError: it is to start from pretrained ones, and the backbone has none.
    """
    if config.weights == "none" or config.method == "scratch":
        return True
    if config.weights != "auto" or has_weights(backbone):
        return False
    if config.method == "auto":
        return True
    raise WeightsError(
        f"backbone {backbone} has no pretrained weights; use --method scratch, give a local file with "
        f"--weights FILE, or use the default backbone ({DEFAULT_BACKBONE})"
    )


def _build_network(backbone: BackboneName, config: FinetuneConfig) -> Any:
    pretrained = config.weights == "auto" and not (
        is_packaged(backbone) or starts_random(backbone, config)
    )
    if not (pretrained or backbone.is_described_by_a_config):
        return _construct(backbone, config, pretrained=False)
    with fetching(backbone, offline=config.offline):
        return _construct(backbone, config, pretrained=pretrained)


def _construct(backbone: BackboneName, config: FinetuneConfig, *, pretrained: bool) -> Any:
    arguments = config.builder_args()
    if backbone.source == "timm" and config.image_size is not None:
        arguments |= _timm_size_argument(backbone, config.image_size)
    try:
        if backbone.source == "timm":
            return timm.create_model(backbone.name, pretrained=pretrained, **arguments)
        if backbone.source == "graft":
            return OWN_NETWORKS[backbone.name](config.image_size or OWN_SIDE_PX, **arguments)
        weights = torchvision_weights(backbone) if pretrained else None
        if backbone.architecture in ("googlenet", "inception_v3") and not pretrained:
            arguments |= {"init_weights": True}
        return torchvision.models.get_model(backbone.architecture, weights=weights, **arguments)
    except KeyError as err:
        if not backbone.is_described_by_a_config:
            raise
        raise BackboneError(
            f"the config.json of {backbone} names no network of timm's (it lacks {err}); give a folder or a "
            "repository that timm saved, as hf-hub:timm/resnet18.a1_in1k"
        ) from err
    except (TypeError, AssertionError) as err:
        raise BackboneError(
            f"backbone {backbone} does not take {config.backbone_args or config.image_size}"
        ) from err


def _timm_size_argument(backbone: BackboneName, image_size: int) -> dict[str, Any]:
    """Networks with position embeddings must be built for their size; others refuse a size."""
    if backbone.is_described_by_a_config:
        with torch.device("meta"):
            fixed = timm.create_model(backbone.name).pretrained_cfg.get("fixed_input_size")
    else:
        pretrained_cfg = timm.get_pretrained_cfg(backbone.name, allow_unregistered=True)
        fixed = pretrained_cfg is not None and pretrained_cfg.fixed_input_size
    return {"img_size": image_size} if fixed else {}


def _load_weights(
    backbone: BackboneName, trunk: nn.Module, config: FinetuneConfig
) -> tuple[WeightsInfo, list[str]]:
    if starts_random(backbone, config):
        return _RANDOM, []
    if config.weights != "auto":
        file = Path(config.weights)
        unused = load_into_trunk(trunk, read_state_dict(file), name=str(backbone))
        digest = file_sha256(file)
        info = WeightsInfo(name=file.name, sha256=digest, licence="not stated", file=file)
        return info, unused
    if is_packaged(backbone):
        tensors, info = packaged_weights(backbone, trunk)
        return info, load_into_trunk(trunk, tensors, name=str(backbone))
    return _hub_weights(backbone, stated_licence(backbone, trunk)), []


def stated_licence(backbone: BackboneName, trunk: Any) -> str:
    """Return the licence of a backbone's weights; what a `config.json` says is known once it was read."""
    if backbone.is_described_by_a_config:
        return str(trunk.pretrained_cfg.get("license") or "not stated")
    return licence_of(backbone)


def _hub_weights(backbone: BackboneName, licence: str) -> WeightsInfo:
    if backbone.source == "torchvision":
        name = str(torchvision_weights(backbone))
    elif backbone.is_described_by_a_config:
        name = backbone.recorded
    else:
        pretrained_cfg = timm.get_pretrained_cfg(backbone.name)
        name = pretrained_cfg.hf_hub_id or pretrained_cfg.url
    file = cached_weights_file(backbone)
    digest = file_sha256(file) if file else None
    return WeightsInfo(name=str(name), sha256=digest, licence=licence, file=file)


def _without_head(backbone: BackboneName, network: Any) -> nn.Module:
    if backbone.source == "timm":
        return remove_timm_head(network)
    if backbone.source == "torchvision":
        return remove_torchvision_head(network)
    trunk: nn.Module = network
    return trunk


def _overridden(spec: PreprocessSpec, config: FinetuneConfig) -> PreprocessSpec:
    if config.image_size is not None:
        side = config.image_size
        ratio = spec.resize_shorter_px / spec.crop_hw[0]
        spec = dataclasses.replace(
            spec, crop_hw=(side, side), resize_shorter_px=max(side, math.floor(side * ratio))
        )
    spec = dataclasses.replace(spec, mean=config.mean or spec.mean, std=config.std or spec.std)
    return with_fit(spec, config)


def _check_size(backbone: BackboneName, network: Any, config: FinetuneConfig) -> None:
    """Refuse a size of which a network cut into patches would drop the last pixels without a word."""
    patch_px = getattr(getattr(network, "patch_embed", None), "patch_size", None)
    side = config.image_size
    if side is None or patch_px is None or side % patch_px[0] == 0:
        return
    below = side // patch_px[0] * patch_px[0]
    near = " or ".join(str(px) for px in (below, below + patch_px[0]) if px)
    raise BackboneError(
        f"backbone {backbone} does not take {side} px: it cuts images into patches of {patch_px[0]} px; "
        f"nearest: --image-size {near}"
    )


def _embedding_dim(backbone: BackboneName, trunk: nn.Module, sample: torch.Tensor) -> int:
    height, width = sample.shape[2:]
    try:
        with torch.inference_mode():
            embedding = trunk(sample)
    except (RuntimeError, AssertionError, ValueError) as err:
        raise BackboneError(
            f"backbone {backbone} does not take images of {width}x{height} px; give another --image-size, "
            "or leave it out"
        ) from err
    if embedding.ndim != 2:
        raise BackboneError(
            f"backbone {backbone} gives {embedding.ndim}-d features, not one vector"
        )
    return int(embedding.shape[1])
