"""Vision transformers in small, saved as timm saves them: patches, position embeddings, pooling."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from training.backbones.build import Backbone, build_backbone
from training.backbones.summary import summarise_backbone
from training.config import FinetuneConfig

pytestmark = pytest.mark.training

# As DINOv2 is: patches of 14 px, a class token, made for a large size.
DINO = {"patch_size": 14, "img_size": 126, "init_values": 1e-5}
# As SigLIP2 is: no class token, a learned query that pools.
SIGLIP = {"patch_size": 16, "img_size": 64, "class_token": False, "global_pool": "map"}


def saved(folder: Path, arguments: dict[str, Any]) -> Path:
    """Save a tiny vision transformer of random weights, and return its folder."""
    torch.manual_seed(3)
    network = timm.create_model("test_vit", **arguments)
    side = arguments["img_size"]
    config = {
        "architecture": "test_vit",
        "model_args": arguments,
        "pretrained_cfg": {
            "input_size": [3, side, side],
            "fixed_input_size": True,
            "license": "cc-by-nc-4.0",
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file(network.state_dict(), folder / "model.safetensors")
    return folder


def build(folder: Path, **options: object) -> Backbone:
    return build_backbone(FinetuneConfig(data=Path("photos"), backbone=str(folder), **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [126, 56])
def test_position_embeddings_follow_the_size_that_is_asked_for(side: int, tmp_path: Path) -> None:
    folder = saved(tmp_path, DINO)
    backbone = build(folder, image_size=None if side == 126 else side)
    network = timm.create_model(f"local-dir:{folder}", pretrained=True, img_size=side).eval()
    images = torch.randn(2, 3, side, side)
    assert backbone.spec.crop_hw == (side, side)
    with torch.inference_mode():
        tokens = network.forward_features(images)
        assert torch.allclose(backbone.trunk(images), network.fc_norm(tokens[:, 0]), atol=1e-6)


def test_attention_pooling_is_part_of_the_trunk(tmp_path: Path) -> None:
    """The head is put on what SigLIP was trained to give, not on an average of it."""
    folder = saved(tmp_path, SIGLIP)
    backbone = build(folder)
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        features = network.forward_features(images)
        pooled = network.forward_head(features, pre_logits=True)
        given = backbone.trunk(images)
    assert torch.allclose(given, pooled, atol=1e-6)
    assert not torch.allclose(given, features.mean(1), atol=1e-2)


@pytest.mark.parametrize("arguments", [DINO, SIGLIP], ids=["class token", "attention pooling"])
def test_no_activation_map_is_claimed(arguments: dict[str, Any], tmp_path: Path) -> None:
    """The embedding is no average of a map, so that a map of it would be made up."""
    assert build(saved(tmp_path, arguments)).map_layer is None


def test_the_summary_of_a_folder_has_its_own_licence(tmp_path: Path) -> None:
    summary = summarise_backbone(str(saved(tmp_path, DINO)), depth=1)
    assert "PatchEmbed: 1-1" in summary
    assert "licence of the weights: cc-by-nc-4.0" in summary
    assert "activation map: none" in summary
