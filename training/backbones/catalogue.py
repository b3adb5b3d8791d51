"""Which backbones there are, by what name, under which licence. Builds none of them."""

import difflib
import fnmatch
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import timm
import torch
import torchvision

from inference.find_package import suggestion
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
# How timm names what a `config.json` describes.
HUB: Final = "hf-hub:"
FOLDER: Final = "local-dir:"
_NUM_NEAR: Final = 5
_UNSTATED: Final = "not stated"
# torchvision's models and weights; the data they were trained on has terms of its own.
_TORCHVISION_LICENCE: Final = "bsd-3-clause"
_SWAG_LICENCE: Final = "cc-by-nc-4.0"  # what torchvision's entries link to
_REPOSITORY: Final = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneName:
    """A network by its source and its name there, which may end on a choice of weights: `.TAG`.

    timm also builds what a repository of the Hugging Face hub or a local folder describes in its
    `config.json`: `hf-hub:OWNER/NAME`, `local-dir:FOLDER`.
    """

    source: Source
    name: str

    def __str__(self) -> str:
        return self.name if self.is_described_by_a_config else f"{self.source}/{self.name}"

    @property
    def is_described_by_a_config(self) -> bool:
        """Whether a `config.json` says what the network is, on a hub or in a folder."""
        return self.name.startswith((HUB, FOLDER))

    @property
    def architecture(self) -> str:
        """The network without the choice of weights."""
        return self.name if self.is_described_by_a_config else self.name.partition(".")[0]

    @property
    def tag(self) -> str | None:
        """The choice of weights, None where the source's own default is meant."""
        return None if self.is_described_by_a_config else self.name.partition(".")[2] or None

    @property
    def recorded(self) -> str:
        """What a manifest says: no paths of this machine."""
        folder = self.name.removeprefix(FOLDER)
        return str(self) if folder == self.name else f"{FOLDER}{Path(folder).name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """A backbone as it is listed. `num_params` counts the whole network, an old head included."""

    backbone: BackboneName
    num_params: int
    input_px: int
    licence: str
    pretrained: bool


def find_backbone(text: str) -> BackboneName:
    """Return the backbone meant by `SOURCE/NAME`, `NAME`, `hf-hub:OWNER/NAME` or a folder's path.

    The source is timm, torchvision or graft; a bare name is timm's first, then torchvision's, then one of
    this project's own. `NAME.TAG` chooses among a network's weights.

    Raises:
        BackboneError: there is none, or no such weights of it; the message names near ones.
    """
    if text.startswith((HUB, FOLDER)):
        return _described_by_a_config(text)
    source, separator, name = text.partition("/")
    if not separator:
        source, name = "", text
    architecture = name.partition(".")[0]
    if source in ("", "timm") and timm.is_model(architecture):
        return _checked_tag(BackboneName(source="timm", name=name))
    if source in ("", "torchvision") and architecture in _torchvision_names():
        return _checked_tag(BackboneName(source="torchvision", name=name))
    if source in ("", "graft") and name in OWN_NETWORKS:
        return BackboneName(source="graft", name=name)
    if separator and Path(text).is_dir():
        return _described_by_a_config(f"{FOLDER}{text}")
    if Path(text).is_file() or text.startswith(("/", "./", "../", "~")):
        raise BackboneError(_no_folder(Path(text)))
    raise BackboneError(_unknown(text))


def _described_by_a_config(name: str) -> BackboneName:
    folder = name.removeprefix(FOLDER)
    if folder != name and not (Path(folder) / "config.json").is_file():
        raise BackboneError(
            f"backbone folder {folder!r} has no config.json; give a folder with config.json and "
            "model.safetensors, as timm saves them"
        )
    repository = name.removeprefix(HUB).partition("@")[0]
    if repository != name and not _REPOSITORY.fullmatch(repository):
        raise BackboneError(
            f"backbone {name!r} names no repository of the hub; it is {HUB}OWNER/NAME, as in "
            f"{HUB}timm/resnet18.a1_in1k"
        )
    return BackboneName(source="timm", name=name)


def _checked_tag(backbone: BackboneName) -> BackboneName:
    """Refuse weights that the network does not have."""
    tags = weights_tags(backbone)
    if backbone.tag is None or backbone.tag in tags:
        return backbone
    near = difflib.get_close_matches(backbone.tag, tags, n=_NUM_NEAR) or tags[:_NUM_NEAR]
    there = f"; nearest: {', '.join(near)}" if near else "; it has none"
    raise BackboneError(
        f"backbone {backbone.source}/{backbone.architecture} has no weights {backbone.tag!r}{there}"
    )


def weights_tags(backbone: BackboneName) -> list[str]:
    """Return the choices of weights that the source lists for a network."""
    if backbone.source == "torchvision":
        return [w.name for w in torchvision.models.get_model_weights(backbone.architecture)]
    if backbone.source == "graft" or backbone.is_described_by_a_config:
        return []
    listed = timm.list_models(f"{backbone.architecture}.*", pretrained=True)
    return [name.partition(".")[2] for name in listed]


def torchvision_weights(backbone: BackboneName) -> Any:
    """Return torchvision's entry of the weights that are meant: address, preprocessing, terms."""
    return torchvision.models.get_model_weights(backbone.architecture)[backbone.tag or "DEFAULT"]


def _no_folder(path: Path) -> str:
    if path.is_file():
        return f"backbone {str(path)!r} is a file; name its network: --backbone NAME --weights FILE"
    meant = suggestion(path) or "; give a folder with config.json and model.safetensors"
    return f"backbone folder {str(path)!r} does not exist{meant}, or a name of: python -m training.backbones"


def _unknown(text: str) -> str:
    owner, _, name = text.rpartition("/")
    near = nearest_backbones(name)
    hint = f"; near names: {', '.join(near)}" if near else ""
    if text.lower() == "auto":
        hint = "; did you mean --backbone auto?"
    if _REPOSITORY.fullmatch(text) and owner not in get_args(Source):
        hint += f"; if it is a repository of the Hugging Face hub: {HUB}{text}"
    return f"no backbone {text!r}{hint}; list them: python -m training.backbones PATTERN"


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
        input_px = torchvision_weights(backbone).transforms().crop_size[0]
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
        is_swag = "SWAG" in torchvision_weights(backbone).meta.get("license", "")
        return _SWAG_LICENCE if is_swag else _TORCHVISION_LICENCE
    if backbone.source == "graft" or backbone.is_described_by_a_config:
        return _UNSTATED
    config = timm.get_pretrained_cfg(backbone.name, allow_unregistered=True)
    return str(getattr(config, "license", None) or _UNSTATED)


def has_weights(backbone: BackboneName) -> bool:
    """Whether there are pretrained weights to be fetched or installed."""
    if backbone.is_described_by_a_config:
        return True
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
    arguments = (
        {"init_weights": False} if backbone.architecture in ("googlenet", "inception_v3") else {}
    )
    return torchvision.models.get_model(backbone.architecture, weights=None, **arguments)


def _torchvision_names() -> list[str]:
    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def nearest_backbones(name: str) -> list[str]:
    """Return the backbones with a name like a mistyped one: what people ask for first, then the nearest."""
    by_name: dict[str, list[str]] = {}
    for backbone in search_backbones("*"):
        by_name.setdefault(backbone.name, []).append(str(backbone))
    known = [family.partition("/")[2] for family in FAMILIES]
    close = [
        *difflib.get_close_matches(name, known, n=_NUM_NEAR),
        *difflib.get_close_matches(name, by_name, n=_NUM_NEAR),
    ]
    return [full for near in dict.fromkeys(close) for full in by_name[near]][:_NUM_NEAR]
