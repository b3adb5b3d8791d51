"""What a backbone consists of: layers, output shapes, parameters, and the preprocessing of its weights."""

from pathlib import Path

import torch
import torchinfo

from training.backbones.build import Backbone, build_backbone, stated_licence
from training.backbones.catalogue import find_backbone
from training.config import FinetuneConfig


def summarise_backbone(name: str, *, depth: int, image_size: int | None = None) -> str:
    """Return the table of a backbone without its old head, for one image of its size.

    Raises:
        BackboneError: no such network, or it does not take that size.
        WeightsError: what it is stands on a hub that cannot be asked.
    """
    backbone = build_backbone(
        FinetuneConfig(
            data=Path(),
            backbone=name,
            weights="none",
            method="scratch",
            image_size=image_size,
        )
    )
    table = str(
        torchinfo.summary(
            backbone.trunk,
            input_data=torch.zeros(1, 3, *backbone.spec.crop_hw),
            col_names=("output_size", "num_params"),
            depth=depth,
            device="cpu",
            verbose=0,
        )
    )
    # Since Python 3.11 torchinfo prints its units by their names in the code.
    table = table.replace("Units.GIGABYTES", "G").replace("Units.MEGABYTES", "M")
    return f"{backbone.info.name}\n{table}\n{_facts(name, backbone)}"


def _facts(name: str, backbone: Backbone) -> str:
    spec = backbone.spec
    height, width = spec.crop_hw
    return "\n".join(
        [
            f"embedding: {backbone.embedding_dim} values; a linear head is put on it",
            f"activation map: {'averaging ' + backbone.map_layer if backbone.map_layer else 'none'}",
            f"images: shorter side {spec.resize_shorter_px} px ({spec.interpolation}), "
            f"crop {width}x{height} px, mean {_listed(spec.mean)}, std {_listed(spec.std)}",
            f"licence of the weights: {stated_licence(find_backbone(name), backbone.trunk)}",
        ]
    )


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
