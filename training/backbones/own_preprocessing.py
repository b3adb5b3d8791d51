"""The preprocessing that pretrained weights were trained with; it differs from file to file."""

import math
from typing import Any

import timm

from inference.decoding import CURRENT_DECODER
from inference.preprocessing import PreprocessSpec
from training.backbones.catalogue import BackboneName, torchvision_weights
from training.backbones.small_networks import OWN_SIDE_PX


def own_preprocessing(backbone: BackboneName, network: Any) -> PreprocessSpec:
    """Resolve the preprocessing that the weights' own configuration states, as numbers.

    Args:
        backbone: with the choice of weights.
        network: the backbone as its source builds it.
    """
    if backbone.source == "graft":
        return PreprocessSpec(
            resize_shorter_px=OWN_SIDE_PX,
            crop_hw=(OWN_SIDE_PX, OWN_SIDE_PX),
            interpolation="bicubic",
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            decoder=CURRENT_DECODER,
        )
    if backbone.source == "timm":
        data = timm.data.resolve_model_data_config(network)
        side = data["input_size"][-1]
        return PreprocessSpec(
            resize_shorter_px=math.floor(side / data["crop_pct"]),
            crop_hw=(side, side),
            interpolation=_known_filter(data["interpolation"]),
            mean=tuple(data["mean"]),
            std=tuple(data["std"]),
            decoder=CURRENT_DECODER,
        )
    transforms = torchvision_weights(backbone).transforms()
    side = transforms.crop_size[0]
    return PreprocessSpec(
        resize_shorter_px=max(transforms.resize_size[0], side),
        crop_hw=(side, side),
        interpolation=_known_filter(transforms.interpolation.value),
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        decoder=CURRENT_DECODER,
    )


def _known_filter(name: str) -> Any:
    return name if name in ("bilinear", "bicubic", "lanczos", "nearest") else "bicubic"
