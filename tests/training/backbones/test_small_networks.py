"""The small networks for training from random weights."""

from pathlib import Path

import pytest
import torch

from tests.training.conftest import Command
from training.backbones.build import Backbone, build_backbone
from training.backbones.small_networks import LeNet5
from training.config import FinetuneConfig
from training.errors import BackboneError, WeightsError

pytestmark = pytest.mark.training

NAMES = ("graft/lenet5", "graft/small_cnn")


def build(name: str, **options: object) -> Backbone:
    """Build one of them with the given options."""
    return build_backbone(FinetuneConfig(data=Path("digits"), backbone=name, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side_px", [16, 28, 31, 32, 48, 64])
def test_small_images_are_taken_at_their_own_size(name: str, side_px: int) -> None:
    backbone = build(name, image_size=side_px)
    assert backbone.spec.crop_hw == (side_px, side_px)
    assert backbone.spec.resize_shorter_px == side_px
    with torch.inference_mode():
        embedding = backbone.trunk(torch.randn(3, 3, side_px, side_px))
    assert embedding.shape == (3, backbone.embedding_dim)


@pytest.mark.parametrize("name", NAMES)
def test_the_side_is_32_px_unless_told(name: str) -> None:
    assert build(name).spec.crop_hw == (32, 32)


def test_lenets_layers_have_the_papers_sizes() -> None:
    """C1 of 156, S2 and S4 pooled, C5 of 48,120 and F6 of 10,164 weights; C3 sees all maps: 2,416."""
    network = LeNet5(32)
    counts = [sum(p.numel() for p in part.parameters()) for _, part in network.named_children()]
    assert counts == [156, 2416, 48120, 10164]
    assert counts == [
        sum(p.numel() for p in part.parameters()) for _, part in LeNet5(28).named_children()
    ]


def test_lenet_sees_grey() -> None:
    """Colours of one grey are one image to it."""
    torch.manual_seed(0)
    network = build("graft/lenet5").trunk
    grey = torch.rand(1, 1, 32, 32)
    shift = torch.tensor([0.587, -0.299, 0.0]).view(1, 3, 1, 1)  # no grey in it
    with torch.inference_mode():
        plain, coloured = network(grey.expand(1, 3, 32, 32)), network(grey + 0.5 * shift)
    assert torch.allclose(plain, coloured, atol=1e-6)


def test_the_small_cnn_has_an_activation_map_and_lenet_has_none() -> None:
    assert build("graft/small_cnn").map_layer == "stage3"
    assert build("graft/lenet5").map_layer is None


@pytest.mark.parametrize("method", ["probe", "finetune"])
def test_pretrained_weights_are_refused_since_there_are_none(method: str) -> None:
    with pytest.raises(
        WeightsError, match=r"lenet5 has no pretrained weights; use --method scratch"
    ):
        build("graft/lenet5", method=method)


def test_arguments_are_refused() -> None:
    with pytest.raises(BackboneError, match="lenet5 does not take"):
        build("graft/lenet5", backbone_args=("width=3",))


@pytest.mark.parametrize("method", [(), ("--method", "scratch")])
def test_a_folder_is_trained_on_from_scratch(
    colours: Path, command: Command, method: tuple[str, ...]
) -> None:
    """Without a method too: there is only one that can be."""
    outcome = command(
        colours, *method, "--epochs", "1", "--image-size", "28", backbone="lenet5", weights="auto"
    )
    manifest = (outcome.published / "manifest.json").read_text(encoding="utf-8")
    assert '"name": "graft/lenet5"' in manifest
    assert '"method": "scratch"' in manifest
