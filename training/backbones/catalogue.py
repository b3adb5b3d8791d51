"""Which backbones there are, by what name, under which licence. Builds none of them."""

import difflib
import fnmatch
from dataclasses import dataclass
from typing import Any, Final, Literal

import timm
import torch
import torchvision

from training.backbones.small_networks import OWN_NETWORKS, OWN_SIDE_PX
from training.errors import BackboneError

Source = Literal["timm", "torchvision", "graft"]

# What people ask for by name, first: one of each family the field teaches, and today's good ones.
FAMILIES: Final = (
    "timm/tf_efficientnet_lite0",
    "timm/resnet18",
    "timm/resnet50",
    "timm/resnext50_32x4d",
    "timm/wide_resnet50_2",
    "timm/seresnet50",
    "timm/vgg16",
    "timm/vgg16_bn",
    "timm/densenet121",
    "timm/dpn68",
    "timm/inception_v3",
    "timm/nasnetalarge",
    "timm/pnasnet5large",
    "timm/mnasnet_100",
    "timm/mobilenetv2_100",
    "timm/mobilenetv3_large_100",
    "timm/mobilenetv4_conv_medium",
    "timm/efficientnet_b0",
    "timm/tf_efficientnetv2_s",
    "timm/regnety_016",
    "timm/convnext_tiny",
    "timm/deit_small_patch16_224",
    "timm/vit_small_patch16_224",
    "timm/swin_tiny_patch4_window7_224",
    "torchvision/alexnet",
    "torchvision/googlenet",
    "torchvision/squeezenet1_1",
    "torchvision/shufflenet_v2_x1_0",
    "graft/lenet5",
    "graft/small_cnn",
)
_NUM_NEAR: Final = 5
_UNSTATED: Final = "not stated"
# torchvision's models and weights; the data they were trained on has terms of its own.
_TORCHVISION_LICENCE: Final = "bsd-3-clause"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneName:
    """A network by its source and its name there."""

    source: Source
    name: str

    def __str__(self) -> str:
        return f"{self.source}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """A backbone as it is listed. `num_params` counts the whole network, an old head included."""

    backbone: BackboneName
    num_params: int
    input_px: int
    licence: str
    pretrained: bool


def find_backbone(text: str) -> BackboneName:
    """Return the backbone meant by `timm/NAME`, `torchvision/NAME`, `graft/NAME` or `NAME`.

    A bare name is timm's first, then torchvision's, then one of this project's own.

    Raises:
        BackboneError: there is none; the message names near ones.
    """
    source, separator, name = text.partition("/")
    if not separator:
        source, name = "", text
    if source in ("", "timm") and timm.is_model(name.split(".")[0]):
        return BackboneName(source="timm", name=name)
    if source in ("", "torchvision") and name in _torchvision_names():
        return BackboneName(source="torchvision", name=name)
    if source in ("", "graft") and name in OWN_NETWORKS:
        return BackboneName(source="graft", name=name)
    near = _near(name)
    hint = f"; near names: {', '.join(near)}" if near else ""
    raise BackboneError(
        f"no backbone {text!r}{hint}; list them: python -m training.backbones PATTERN"
    )


def search_backbones(pattern: str) -> list[BackboneName]:
    """Return the backbones whose name, with or without its source, matches a shell pattern.

    A pattern without wildcards matches anywhere in the name.
    """
    if not any(char in pattern for char in "*?["):
        pattern = f"*{pattern}*"
    every = [BackboneName(source="timm", name=n) for n in timm.list_models()]
    every += [BackboneName(source="torchvision", name=n) for n in _torchvision_names()]
    every += [BackboneName(source="graft", name=n) for n in OWN_NETWORKS]
    return [b for b in every if any(fnmatch.fnmatch(n, pattern) for n in (b.name, str(b)))]


def describe_backbone(backbone: BackboneName) -> CatalogueEntry:
    """Return size, input and licence. The network is built without memory for its weights."""
    with torch.device("meta"):
        network = bare_network(backbone)
    num_params = sum(parameter.numel() for parameter in network.parameters())
    if backbone.source == "torchvision":
        transforms = torchvision.models.get_model_weights(backbone.name).DEFAULT.transforms()
        input_px = transforms.crop_size[0]
    elif backbone.source == "timm":
        input_px = network.pretrained_cfg["input_size"][-1]
    else:
        input_px = OWN_SIDE_PX
    return CatalogueEntry(
        backbone=backbone,
        num_params=num_params,
        input_px=input_px,
        licence=licence_of(backbone),
        pretrained=has_weights(backbone),
    )


def licence_of(backbone: BackboneName) -> str:
    """Return the licence that the source states for the pretrained weights."""
    if backbone.source == "torchvision":
        return _TORCHVISION_LICENCE
    if backbone.source == "graft":
        return _UNSTATED
    config = timm.get_pretrained_cfg(backbone.name, allow_unregistered=True)
    return str(getattr(config, "license", None) or _UNSTATED)


def has_weights(backbone: BackboneName) -> bool:
    """Whether there are pretrained weights to be fetched or installed."""
    if backbone.source == "timm":
        config = timm.get_pretrained_cfg(backbone.name, allow_unregistered=True)
        return bool(config and (config.hf_hub_id or config.url or config.file))
    return backbone.source == "torchvision"


def bare_network(backbone: BackboneName) -> Any:
    """Build the network as its authors did, with their head if any, and random weights."""
    if backbone.source == "timm":
        return timm.create_model(backbone.name, pretrained=False)
    if backbone.source == "graft":
        return OWN_NETWORKS[backbone.name](OWN_SIDE_PX)
    arguments = {"init_weights": False} if backbone.name in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(backbone.name, weights=None, **arguments)


def _torchvision_names() -> list[str]:
    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def _near(name: str) -> list[str]:
    by_name: dict[str, list[str]] = {}
    for backbone in search_backbones("*"):
        by_name.setdefault(backbone.name, []).append(str(backbone))
    close = difflib.get_close_matches(name, by_name, n=_NUM_NEAR)
    return [full for near in close for full in by_name[near]]
